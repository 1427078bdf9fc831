/**
 * Outputs of the tools of card makers, for tests. None of them was captured on a machine of ours: each is
 * written by hand after the shape that the tool's version is known to print, and says so. Serial ids are
 * invented.
 */

/** Shape of nvidia-smi of driver 550, two cards. */
export const nvidiaTwoCards = `0, GPU-11111111-2222-3333-4444-555555555555, NVIDIA GeForce RTX 4090, 550.54.14, 24564, 1024, 87, 71, 312.45, 450.00, 8.9, [N/A]
1, GPU-66666666-7777-8888-9999-000000000000, NVIDIA GeForce RTX 3090, 550.54.14, 24576, 1, 0, 35, [N/A], [Not Supported], 8.6, [N/A]
`;

/** Shape of nvidia-smi of driver 470 to a query with a field it does not know: standard output, exit code 2. */
export const nvidiaFieldRefusal = 'Field "compute_cap" is not a valid field to query.\n\n';

/** Shape of nvidia-smi of driver 470 to the short query. */
export const nvidiaShort =
  '0, GPU-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, Tesla V100-SXM2-16GB, 470.256.02, 16160, 0\r\n';

/** What nvidia-smi of any version prints without its driver, exit code 9. */
export const nvidiaNoDriver =
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n";

/** Shape of nvidia-smi of driver 535, a card in MIG mode. */
export const nvidiaMigCard = `0, GPU-feba7e40-d724-01ff-b00f-3a439a28a6c7, NVIDIA A100-SXM4-80GB, 535.129.03, 81920, [N/A], [N/A], 41, 88.10, 400.00, 8.0, Enabled
`;

/** Shape of `nvidia-smi -q -x` of driver 535 (nvsmi_device_v12): a card in two slices, and a whole one. */
export const nvidiaMigXml = `<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
	<timestamp>Fri Oct 11 18:24:09 2024</timestamp>
	<driver_version>535.129.03</driver_version>
	<cuda_version>12.2</cuda_version>
	<attached_gpus>2</attached_gpus>
	<gpu id="00000000:10:00.0">
		<product_name>NVIDIA A100-SXM4-80GB</product_name>
		<mig_mode>
			<current_mig>Enabled</current_mig>
			<pending_mig>Enabled</pending_mig>
		</mig_mode>
		<mig_devices>
			<mig_device>
				<index>0</index>
				<gpu_instance_id>1</gpu_instance_id>
				<compute_instance_id>0</compute_instance_id>
				<fb_memory_usage>
					<total>40192 MiB</total>
					<reserved>0 MiB</reserved>
					<used>37 MiB</used>
					<free>40154 MiB</free>
				</fb_memory_usage>
			</mig_device>
			<mig_device>
				<index>1</index>
				<gpu_instance_id>2</gpu_instance_id>
				<compute_instance_id>0</compute_instance_id>
				<fb_memory_usage>
					<total>19968 MiB</total>
					<used>25 MiB</used>
					<free>19942 MiB</free>
				</fb_memory_usage>
			</mig_device>
		</mig_devices>
		<uuid>GPU-feba7e40-d724-01ff-b00f-3a439a28a6c7</uuid>
		<fb_memory_usage>
			<total>81920 MiB</total>
			<reserved>N/A</reserved>
			<used>N/A</used>
			<free>N/A</free>
		</fb_memory_usage>
		<utilization>
			<gpu_util>N/A</gpu_util>
		</utilization>
		<temperature>
			<gpu_temp>41 C</gpu_temp>
		</temperature>
		<gpu_power_readings>
			<power_draw>88.10 W</power_draw>
			<current_power_limit>400.00 W</current_power_limit>
		</gpu_power_readings>
	</gpu>
	<gpu id="00000000:15:00.0">
		<product_name>NVIDIA A100-SXM4-80GB</product_name>
		<mig_devices>
			None
		</mig_devices>
		<uuid>GPU-f124aa59-d406-d45b-9481-8fcd694e6c9e</uuid>
		<fb_memory_usage>
			<total>81920 MiB</total>
			<used>2048 MiB</used>
		</fb_memory_usage>
		<utilization>
			<gpu_util>12 %</gpu_util>
		</utilization>
	</gpu>
</nvidia_smi_log>
`;

/** Shape of `amd-smi static --json` of ROCm 6.x: a list. */
export const amdStaticList = JSON.stringify([
  {
    gpu: 0,
    asic: {
      market_name: 'AMD Instinct MI300X',
      vendor_id: '0x1002',
      asic_serial: '0x1111111111111111',
      target_graphics_version: 'gfx942',
    },
    bus: { bdf: '0000:41:00.0', max_pcie_speed: { value: 32, unit: 'GT/s' } },
    limit: { max_power: { value: 750, unit: 'W' } },
    driver: { name: 'amdgpu', version: '6.10.5' },
    vram: {
      type: 'HBM3',
      vendor: 'HYNIX',
      size: { value: 196592, unit: 'MB' },
      max_bandwidth: { value: 5325, unit: 'GB/s' },
    },
  },
  {
    gpu: 1,
    asic: { market_name: 'AMD Radeon PRO W7800', asic_serial: 'N/A' },
    bus: { bdf: '0000:42:00.0' },
    vram: { size: { value: 34359738368, unit: 'B' }, max_bandwidth: 'N/A' },
  },
]);

/** Shape of `amd-smi metric --json` of ROCm 6.x. */
export const amdMetricList = JSON.stringify([
  {
    gpu: 0,
    usage: { gfx_activity: { value: 64, unit: '%' }, umc_activity: { value: 3, unit: '%' } },
    power: { socket_power: { value: 512, unit: 'W' } },
    temperature: { edge: 'N/A', hotspot: { value: 61, unit: 'C' } },
    mem_usage: {
      total_vram: { value: 196592, unit: 'MB' },
      used_vram: { value: 283, unit: 'MB' },
    },
  },
  { gpu: 1, usage: 'N/A', power: { socket_power: 'N/A' }, temperature: 'N/A' },
]);

/** Shape of `amd-smi static --json` of ROCm 7.x: the list is in `gpu_data`. */
export const amdStaticObject = JSON.stringify({
  gpu_data: [
    {
      gpu: 0,
      asic: { market_name: 'AMD Radeon RX 7800 XT', target_graphics_version: 'gfx1101' },
      bus: { bdf: '0000:03:00.0' },
      vram: { type: 'GDDR6', size: { value: 16368, unit: 'MB' } },
    },
  ],
});

/** Shape of rocm-smi 6.x of ROCm: all values are texts, and a line of warning comes first. */
export const rocmTwoCards = `WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status

${JSON.stringify({
  card0: {
    'Card Series': 'AMD Radeon RX 7900 XTX',
    'Card Model': '0x744c',
    'Unique ID': '0x2222222222222222',
    'GFX Version': 'gfx1100',
    'Temperature (Sensor edge) (C)': '45.0',
    'Temperature (Sensor junction) (C)': '52.0',
    'Average Graphics Package Power (W)': '60.0',
    'GPU use (%)': '12',
    'VRAM Total Memory (B)': '25753026560',
    'VRAM Total Used Memory (B)': '1073741824',
  },
  card1: { 'Card series': 'Navi 21', 'GPU use (%)': 'N/A', 'VRAM Total Memory (B)': '17163091968' },
  system: { 'Driver version': '6.8.5' },
})}`;

/** Shape of system_profiler of macOS 15 on an Apple chip. */
export const appleChip = JSON.stringify({
  SPDisplaysDataType: [
    {
      _name: 'Apple M4 Pro',
      spdisplays_mtlgpufamilysupport: 'spdisplays_metal3',
      spdisplays_ndrvs: [{ '_spdisplays_display-serial-number': 'not to be read' }],
      spdisplays_vendor: 'sppci_vendor_Apple',
      sppci_bus: 'spdisplays_builtin',
      sppci_cores: '20',
      sppci_device_type: 'spdisplays_gpu',
      sppci_model: 'Apple M4 Pro',
    },
  ],
});

/** Shape of system_profiler of macOS 12 on a Mac with an Intel processor and a card. */
export const appleIntel = JSON.stringify({
  SPDisplaysDataType: [
    {
      _name: 'kHW_AMDRadeonPro5500MItem',
      spdisplays_vram: '4 GB',
      spdisplays_vendor: 'sppci_vendor_amd',
      sppci_model: 'AMD Radeon Pro 5500M',
    },
  ],
});
