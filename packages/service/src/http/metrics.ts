/**
 * Numbers for `/metrics` in a registry of the daemon's own.
 *
 * The process numbers have the usual names but are read only when somebody asks: prom-client's default
 * set keeps a timer that wakes an idle daemon a hundred times a second, and counts CPU from its own start.
 */
import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Name and one sentence of a metric. */
export interface MetricName {
  readonly name: string;
  readonly help: string;
}

/** Registry, the HTTP histogram, and what a daemon adds. */
export interface Metrics {
  readonly registry: Registry;
  /** A number that is read when somebody asks. */
  gauge(metric: MetricName, read: () => number): void;
  /** The same for one that never falls. */
  counter(metric: MetricName, read: () => number): void;
  /** A histogram; what it gives takes one sample. */
  histogram(metric: MetricName, buckets: readonly number[]): (value: number) => void;
  /** One finished request. */
  observe(request: { method: string; route: string; status: number; seconds: number }): void;
}

/** Metrics of one daemon, with its name as the label `daemon`. */
export function createMetrics(name: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ daemon: name });
  addProcessMetrics(registry);
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  return {
    registry,
    ...createMakers(registry),
    observe: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status }, seconds),
  };
}

function createMakers(registry: Registry): Pick<Metrics, 'gauge' | 'counter' | 'histogram'> {
  const registers = [registry];
  return {
    gauge(metric, read) {
      new Gauge({
        ...metric,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    counter(metric, read) {
      new Counter({
        ...metric,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    histogram(metric, buckets) {
      const histogram = new Histogram({ ...metric, registers, buckets: [...buckets] });
      return (value) => histogram.observe(value);
    },
  };
}

function addProcessMetrics(registry: Registry): void {
  const makers = createMakers(registry);
  const startSeconds = Date.now() / 1_000 - process.uptime();
  makers.counter(
    {
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time since the process started.',
    },
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000_000;
    },
  );
  const gauge = (name: string, help: string, read: () => number): void =>
    makers.gauge({ name, help }, read);
  gauge('process_start_time_seconds', 'Start of the process, unix time.', () => startSeconds);
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_used_bytes', 'Used heap.', () => process.memoryUsage().heapUsed);
  gauge(
    'nodejs_eventloop_utilization',
    'Share of time the event loop was busy since start.',
    () => performance.eventLoopUtilization().utilization,
  );
}
