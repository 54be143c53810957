package vault

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// qcow2 is the header of an image, changed by what the words say.
func qcow2(size uint64, changes ...func([]byte)) []byte {
	h := make([]byte, 4096)
	copy(h, "QFI\xfb")
	binary.BigEndian.PutUint32(h[4:], 3)
	binary.BigEndian.PutUint32(h[20:], 17)
	binary.BigEndian.PutUint64(h[24:], size)
	binary.BigEndian.PutUint64(h[72:], 1<<4)
	binary.BigEndian.PutUint32(h[100:], 104)
	for _, c := range changes {
		c(h)
	}
	return h
}

func set64(at int, to uint64) func([]byte) {
	return func(h []byte) { binary.BigEndian.PutUint64(h[at:], to) }
}

func set32(at int, to uint32) func([]byte) {
	return func(h []byte) { binary.BigEndian.PutUint32(h[at:], to) }
}

// The format of a volume that was found is told once, by the rule of Format.
func TestFormatOfWhatWasFound(t *testing.T) {
	for name, tt := range map[string]struct {
		head   []byte
		length int64
		want   Format
		why    string
	}{
		"zeros":                        {nil, Step, Raw, ""},
		"a partition table":            {[]byte("\xeb\x63\x90 boot"), Step, Raw, ""},
		"a guest's own encryption":     {[]byte("LUKS\xba\xbe\x00\x02"), Step, Raw, ""},
		"half a raw image":             {nil, Step / 2, "", "no whole raw image"},
		"more than a raw image":        {nil, Step + 512, "", "no whole raw image"},
		"empty":                        {nil, 0, "", "no whole raw image"},
		"qcow2":                        {qcow2(Step), 196616, QCOW2, ""},
		"qcow2 of version 2":           {qcow2(Step, set32(4, 2)), 196616, QCOW2, ""},
		"qcow2 written by a guest":     {qcow2(Step), Step, "", "a guest may have written that"},
		"the same, with another size":  {qcow2(2 * Step), Step, "", "a guest may have written that"},
		"a guest's, in an odd file":    {qcow2(1 << 40), Step + 512, "", "the metadata say 134217728"},
		"qcow2 with a backing file":    {qcow2(Step, set64(8, 512), set32(16, 11)), 196616, "", "with a backing file"},
		"qcow2 with a backing offset":  {qcow2(Step, set64(8, 512)), 196616, "", "with a backing file"},
		"qcow2 with a data file":       {qcow2(Step, set64(72, 1<<2)), 196616, "", "external data file"},
		"qcow2 with unknown features":  {qcow2(Step, set64(72, 1<<40)), 196616, "", "unknown features"},
		"qcow2, corrupt":               {qcow2(Step, set64(72, 1<<1)), 196616, "", "marked corrupt"},
		"qcow2, dirty, zstd":           {qcow2(Step, set64(72, 1<<0|1<<3)), 196616, QCOW2, ""},
		"qcow2, encrypted":             {qcow2(Step, set32(32, 2)), 196616, "", "encrypted"},
		"qcow2 of version 9":           {qcow2(Step, set32(4, 9)), 196616, "", "version 9"},
		"qcow2, cut off":               {qcow2(Step)[:80], 80, "", "ends in its header"},
		"qcow2, cut off sooner":        {qcow2(Step)[:9], 9, "", "ends in its header"},
		"vmdk":                         {[]byte("KDMV\x01"), Step, "", "VMDK"},
		"a description of VMDK's":      {[]byte("# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0"), Step, "", "VMDK"},
		"vhdx":                         {[]byte("vhdxfile"), Step, "", "VHDX"},
		"vdi":                          {[]byte("<<< Oracle VM VirtualBox Disk Image >>>"), Step, "", "VDI"},
		"qcow2's letters further down": {append(make([]byte, 512), qcow2(Step)...), Step, Raw, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := openVault(t)
			put(t, v.Root(), map[string]string{"x.elimg/volumefile": `{"size":0.125}`})
			image := filepath.Join(v.Root(), "x.elimg", "data.img")
			if err := os.WriteFile(image, tt.head, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(image, max(tt.length, int64(len(tt.head))*b2i(tt.length < Step))); err != nil {
				t.Fatal(err)
			}
			if all := list(t, v); len(all[0].Faults) > 0 || all[0].State.Format != "" {
				t.Fatalf("before it is used: %+v", all[0])
			}
			vol, _, err := v.BeginUse(t.Context(), Ref{ID: "x"}, writer("w"))
			if tt.want == "" {
				wantKind(t, err, "conflict", tt.why)
				if got := get(t, v, Ref{ID: "x"}); !got.Found {
					t.Error("something was recorded all the same")
				}
				return
			}
			if err != nil || vol.State.Format != tt.want {
				t.Fatalf("%v, %v, want %s", vol, err, tt.want)
			}
		})
	}
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Once recorded, the format is what was recorded, whatever a guest writes.
func TestRecordedFormatIsNeverAskedAgain(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("a1"))
	f, err := os.OpenFile(vol.Data(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(qcow2(Step, set64(8, 512), set32(16, 11))); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := v.EndUse(t.Context(), vol.Ref(), "a1", fenced); err != nil {
		t.Fatal(err)
	}
	begin(t, v, vol, writer("a2"))
	if got := get(t, v, vol.Ref()); got.State.Format != Raw || len(got.Faults) > 0 {
		t.Errorf("%+v", got)
	}
	data, err := os.ReadFile(filepath.Join(vol.Folder, "meta.json"))
	if err != nil || !strings.Contains(string(data), `"format":"raw"`) {
		t.Errorf("%s, %v", data, err)
	}
}
