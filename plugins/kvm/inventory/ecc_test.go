package inventory_test

import (
	"maps"
	"os"
	"testing"
	"testing/fstest"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
)

// What the kernel's memory controllers say, module by module.
func TestEDAC(t *testing.T) {
	modes := func(files map[string]string) fstest.MapFS {
		out := fstest.MapFS{"power/control": {Data: []byte("auto\n")}}
		for name, mode := range files {
			out[name] = &fstest.MapFile{Data: []byte(mode + "\n")}
		}
		return out
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  inventory.Tristate
	}{
		"no controller":           {nil, inventory.Unknown},
		"controller, no modules":  {map[string]string{"mc0/mc_name": "F19h"}, inventory.Unknown},
		"corrects":                {map[string]string{"mc0/dimm0/dimm_edac_mode": "SECDED", "mc1/dimm12/dimm_edac_mode": "SECDED"}, inventory.Yes},
		"chipkill by ranks":       {map[string]string{"mc0/rank0/dimm_edac_mode": "S4ECD4ED"}, inventory.Yes},
		"old interface":           {map[string]string{"mc0/csrow0/edac_mode": "S8ECD8ED"}, inventory.Yes},
		"ghes_edac, without":      {map[string]string{"mc0/dimm0/dimm_edac_mode": "None", "mc0/dimm1/dimm_edac_mode": "None"}, inventory.No},
		"one module without":      {map[string]string{"mc0/dimm0/dimm_edac_mode": "SECDED", "mc0/dimm1/dimm_edac_mode": "None"}, inventory.No},
		"finds errors only":       {map[string]string{"mc0/dimm0/dimm_edac_mode": "PARITY"}, inventory.No},
		"one module does not say": {map[string]string{"mc0/dimm0/dimm_edac_mode": "Unknown", "mc0/dimm1/dimm_edac_mode": "SECDED"}, inventory.Yes},
		"no module says":          {map[string]string{"mc0/dimm0/dimm_edac_mode": "Reserved", "mc0/dimm1/dimm_edac_mode": ""}, inventory.Unknown},
	} {
		if have := inventory.EDAC(modes(test.files)); have != test.want {
			t.Errorf("%s: %s, want %s", name, have, test.want)
		}
	}
	if have := inventory.EDAC(os.DirFS(t.TempDir() + "/absent")); have != inventory.Unknown {
		t.Errorf("no EDAC: %s", have)
	}
}

// smbios is what libvirt 9 makes of dmidecode's memory devices, with every entry
// that its code knows of a server whose memory corrects errors: nothing in it
// says so.
const smbios = `<sysinfo type='smbios'>
  <processor><entry name='socket_destination'>CPU 0</entry><entry name='version'>Intel(R) Xeon(R) CPU E5-2620 v4 @ 2.10GHz</entry></processor>
  <memory_device>
    <entry name='size'>16384 MB</entry>
    <entry name='form_factor'>DIMM</entry>
    <entry name='locator'>DIMM_A1</entry>
    <entry name='bank_locator'>NODE 0</entry>
    <entry name='type'>DDR4</entry>
    <entry name='type_detail'>Synchronous Registered (Buffered)</entry>
    <entry name='speed'>2400 MT/s</entry>
    <entry name='manufacturer'>Samsung</entry>
    <entry name='serial_number'>00000000</entry>
    <entry name='part_number'>M393A2G40EB1-CRC</entry>
  </memory_device>
</sysinfo>`

// The kernel is believed before the operator, the operator before nobody, and
// SMBIOS as libvirt has it says nothing about it.
func TestECC(t *testing.T) {
	type said struct{ kernel, operator inventory.Tristate }
	type known struct {
		ecc  inventory.Tristate
		from inventory.ECCSource
		text string
	}
	const yes, no, unknown = inventory.Yes, inventory.No, inventory.Unknown
	have := map[said]known{}
	want := map[said]known{
		{unknown, unknown}: {unknown, "", "unknown"},
		{unknown, yes}:     {yes, inventory.ECCStated, "yes, stated by the operator"},
		{unknown, no}:      {no, inventory.ECCStated, "no, stated by the operator"},
		{yes, unknown}:     {yes, inventory.ECCKernel, "yes"},
		{yes, no}:          {yes, inventory.ECCKernel, "yes"},
		{no, yes}:          {no, inventory.ECCKernel, "no"},
		{no, no}:           {no, inventory.ECCKernel, "no"},
	}
	for s := range want {
		src := inventorytest.Source(t, "smt")
		src.Sysinfo, src.EDAC, src.ECC = smbios, s.kernel, s.operator
		h, err := inventory.Build(src)
		if err != nil {
			t.Fatal(err)
		}
		if h.BaseMHz != 2100 {
			t.Fatalf("%d MHz: SMBIOS was not read", h.BaseMHz)
		}
		have[s] = known{h.ECC, h.ECCFrom, h.ECCText()}
	}
	if !maps.Equal(want, have) {
		t.Errorf("have %+v, want %+v", have, want)
	}
}
