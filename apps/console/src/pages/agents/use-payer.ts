/** The account that the reader's own gateway pays from. */
import { useQuery } from '@tanstack/react-query';
import type { CallError } from '../../data/call-json.ts';
import { type GatewayOutput, gatewayGet } from '../../data/sources.ts';

/** Undefined while no gateway answers. */
export function usePayer(gateway: string | null | undefined): string | undefined {
  const { data } = useQuery<GatewayOutput<'balance'>, CallError>({
    queryKey: ['gateway', gateway ?? '', 'balance'],
    enabled: Boolean(gateway),
    retry: false,
    queryFn: ({ signal }) => gatewayGet<'balance'>(gateway ?? '', '/v1/aitbc/balance', signal),
  });
  return data?.payer;
}
