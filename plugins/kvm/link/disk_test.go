package link

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const machine = "6d65736f-6e00-5000-8000-00000000cafe"

func diskOf(t *testing.T, doc string) Disk {
	t.Helper()
	var d Disk
	if err := xml.Unmarshal([]byte(doc), &d); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return d
}

// A disk that was made of a link is found again by its serial, is known to be the
// link's by any of its portals, and tells the way, without the password.
func TestDiskAndBack(t *testing.T) {
	for name, a := range map[string]*pb.Attachment{
		"iscsi": iscsi(nil), "file": file("/vault/x", "raw"), "nbd": nbd("nbd://h:1/x"), "socket": nbd("nbd+unix:///x?socket=/vault/s"),
	} {
		l, err := Read("attach volume", a, Host{UUID: "h", Dirs: []string{"/vault"}})
		if err != nil {
			t.Fatal(err)
		}
		for way := range l.Ways() + 1 {
			doc, err := l.Disk(Place{Machine: machine, Target: "vdc", Way: way})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(doc, hush) {
				t.Errorf("%s: the password stands in the disk:\n%s", name, doc)
			}
			disks := []Disk{{}, diskOf(t, doc)}
			d := Find(disks, "a1-1-0")
			if d == nil || !l.Is(d) || Find(disks, "") != nil {
				t.Errorf("%s: not found again in\n%s", name, doc)
				continue
			}
			other := l
			other.ReadOnly = true
			if other.Is(d) {
				t.Errorf("%s: a disk that is written to passes for one that is read", name)
			}
			back := RecordOf(&l).Attachment(disks)
			if proto.Size(back.GetConnection()) == 0 || back.GetId() != "a1-1-0" || len(back.GetConnection().GetIscsi().GetChapPassword()) > 0 {
				t.Errorf("%s: told as %v", name, back)
			}
		}
	}
}

func TestTargets(t *testing.T) {
	for n, want := range map[int]string{0: "vda", 2: "vdc", 25: "vdz", 26: "vdaa", 27: "vdab", 701: "vdzz", 702: "vdaaa"} {
		if have := Target(n); have != want {
			t.Errorf("%d: %s, want %s", n, have, want)
		}
	}
	at := func(names ...string) (out []Disk) {
		for _, n := range names {
			var d Disk
			d.Target.Dev = n
			out = append(out, d)
		}
		return out
	}
	if have := FreeTarget(false, at("vda", "vdb", "vdd"), at("vda", "vdc")); have != "vde" {
		t.Errorf("%s, want vde: what is taken in the definition is taken", have)
	}
	if have := FreeTarget(true, at("vdb")); have != "vda" {
		t.Errorf("%s, want vda", have)
	}
}

// The record stands in a name space of its own for each attachment, and is read from
// between others; one under another's name is nobody's.
func TestRecords(t *testing.T) {
	want := []Record{
		{ID: "a1-1-0", Volume: "v <1> & 'two'", Name: "data", Kind: KindISCSI, Boot: true},
		{ID: "-x-", Volume: "v2", Kind: KindFile, ReadOnly: true},
		{ID: "s", Volume: "v3", Name: "share", Kind: KindNFS, Server: "10.0.0.5:2049", Export: "/share"},
	}
	var meta strings.Builder
	meta.WriteString("<other:volume xmlns:other='https://example.com/' id='q'/>")
	for _, r := range want {
		el, err := r.Element()
		if err != nil {
			t.Fatal(err)
		}
		prefix, space := Space(r.ID)
		// As libvirt writes it.
		el = strings.Replace(strings.Replace(el, "<volume", "<"+prefix+":volume xmlns:"+prefix+`="`+space+`"`, 1), "</volume", "</"+prefix+":volume", 1)
		meta.WriteString(el)
	}
	meta.WriteString("<m:volume xmlns:m='" + Namespace + "z' id='y'/>")
	have, err := Records(meta.String())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("(-want +have):\n%s", d)
	}
	if _, err := Records(meta.String() + "<"); err == nil {
		t.Error("broken metadata were read")
	}
	kinds := map[Kind]bool{}
	for _, r := range have {
		kinds[r.Kind] = r.Attachment(nil).GetConnection().GetPath() != nil
	}
	if !kinds[KindFile] || !kinds[KindISCSI] || !kinds[KindNFS] {
		t.Errorf("kinds that are told without a disk: %v", kinds)
	}
}

// The secret follows from machine and attachment, is kept in memory alone, and its
// definition has no value.
func TestSecret(t *testing.T) {
	doc, err := Secret(machine, "a1-1-0")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`ephemeral="yes"`, `private="yes"`, SecretUUID(machine, "a1-1-0"), SecretUsage(machine, "a1-1-0")} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in\n%s", want, doc)
		}
	}
	if SecretUUID(machine, "a") == SecretUUID(machine, "b") || SecretUUID(machine, "a") == SecretUUID("x", "a") || !strings.HasPrefix(SecretUsage(machine, "a"), SecretPrefix(machine)) {
		t.Error("two attachments share a secret")
	}
}

// What hosts have been heard to say.
func TestTroubles(t *testing.T) {
	for text, want := range map[string]sdk.Kind{
		"internal error: unable to execute QEMU command 'blockdev-add': iSCSI: Failed to connect to LUN : Failed to log in to target. Status: Authentication failure(513)":                               sdk.Denied,
		"internal error: unable to execute QEMU command 'blockdev-add': iSCSI: Failed to connect to LUN : Failed to log in to target. Status: Target not found(515)":                                     sdk.Denied,
		"internal error: unable to execute QEMU command 'blockdev-add': iSCSI: Failed to connect to LUN : iscsi_service failed with : iscsi_service_reconnect_if_loggedin. Can not reconnect right now.": sdk.Unavailable,
		"internal error: unable to execute QEMU command 'blockdev-add': iSCSI: Failed to connect to LUN : SENSE KEY:ILLEGAL_REQUEST(5) ASCQ:LOGICAL_UNIT_NOT_SUPPORTED(0x2500)":                          sdk.Unavailable,
		"internal error: unable to execute QEMU command 'device_add': Failed to get \"write\" lock":                                                                                                      sdk.Busy,
		"internal error: unable to execute QEMU command 'blockdev-add': Requested export not available":                                                                                                  sdk.Unavailable,
		"internal error: unable to execute QEMU command 'blockdev-add': Failed to connect to '/tmp/nosuch': No such file or directory":                                                                   sdk.Unavailable,
		"Secret not found: no secret with matching uuid '22222222-2222-4333-8444-55555555e001'":                                                                                                          sdk.Unavailable,
		"internal error: No more available PCI slots":                                           sdk.Exhausted,
		"internal error: unable to execute QEMU command 'blockdev-add': Unknown driver 'iscsi'": sdk.Unsupported,
		"Cannot access storage file '/pool/x.raw': No such file or directory":                   sdk.Unavailable,
		"internal error: something else":                                                        "",
	} {
		have, known := TroubleOf(text, "a1")
		if have.Kind != want || known != (want != "") || known && !strings.Contains(have.Text, "a1") {
			t.Errorf("%s: %+v, want %s", text, have, want)
		}
	}
}

// Of several attachments the one is meant whose place the host names; what is about
// something else is about none of them.
func TestStartTrouble(t *testing.T) {
	var disks []Disk
	var records []Record
	for id, a := range map[string]*pb.Attachment{"i": iscsi(nil), "f": file("/vault/f.img", "raw"), "n": nbd("nbd://10.0.0.5:10809/x")} {
		l, err := Read("x", a, Host{UUID: "h", Dirs: []string{"/vault"}})
		if err != nil {
			t.Fatal(err)
		}
		l.ID = id
		doc, err := l.Disk(Place{Machine: machine, Target: "vdc"})
		if err != nil {
			t.Fatal(err)
		}
		disks, records = append(disks, diskOf(t, doc)), append(records, RecordOf(&l))
	}
	for text, want := range map[string]string{
		`qemu-system-x86_64: -blockdev {"driver":"iscsi","portal":"10.0.0.5:3261","target":"iqn.2026-01.dev.meson:v.7","lun":1}: iSCSI: Failed to connect to LUN : Failed to log in to target. Status: Authentication failure(513)`: "i",
		`-device {"driver":"virtio-blk-pci"}: Failed to get "write" lock` + "\nIs another process using the image [/vault/f.img]?":                                                                                                  "f",
		`-blockdev {"driver":"nbd","server":{"type":"inet","host":"10.0.0.5","port":"10809"},"export":"x"}: Failed to connect to '10.0.0.5:10809': Connection refused`:                                                              "n",
		"Secret not found: no secret with matching uuid '" + SecretUUID(machine, "i") + "'":                                                                                                                                         "i",
		`-blockdev {"filename":"/pool/meson-x.qcow2"}: Could not open '/pool/meson-x.qcow2': No such file or directory`:                                                                                                             "",
		"Network not found: no network with matching name 'default'":                                                                                                                                                                "",
	} {
		have, known := StartTrouble(text, machine, records, disks)
		if have.Attachment != want || known != (want != "") {
			t.Errorf("%s: %+v, want it to be about %q", text, have, want)
		}
	}
	if s := Short(`process exited: 2026 qemu: -blockdev {"a":{"b":1}}: Connection` + "\n refused"); s != "Connection refused" {
		t.Errorf("shortened to %q", s)
	}
}
