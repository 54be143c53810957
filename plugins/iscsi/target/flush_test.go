package target

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// What a guest flushes is flushed to the disk: fdatasync of the image, before the
// answer. The image lies on a disk that writes down each flush. tgt's other
// backing store, aio, answers flushes and does nothing: with it this test fails,
// which is why it is not used.
func TestFlushReachesTheDisk(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	log := loggedDisk(t, &v)
	ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	before := log.flushes(t)
	flushThrice := func() {
		t.Helper()
		for range 3 {
			// QEMU passes on no flush where nothing was written since the last.
			if _, err := in.WriteAt(make([]byte, 4096), 0); err != nil {
				t.Fatal(err)
			}
			if err := in.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	flushThrice()
	if got := log.flushes(t) - before; got != 3 {
		t.Errorf("3 flushes of the guest were %d of the disk", got)
	}
	in.Kill()

	// The same with aio, on a target that we do not make.
	c := h.control(filepath.Join(h.dir, v.Key))
	tgt := testTarget(2, "a2")
	if err := h.Fence(t.Context(), v.Key, v.Targets[0].IQN); err != nil {
		t.Fatal(err)
	}
	if err := c.create(t.Context(), tgt, v.Image, "x", true); err != nil {
		t.Fatal(err)
	}
	for _, r := range []adminRequest{
		{mode: modeDevice, op: opDelete, tid: number(tgt.IQN), lun: LUN},
		{mode: modeDevice, op: opNew, tid: number(tgt.IQN), lun: LUN, params: "path=" + v.Image + ",bstype=aio"},
	} {
		if err := c.do(t.Context(), "make it aio", r); err != nil {
			t.Fatal(err)
		}
	}
	v.Targets[0] = tgt
	in = targettest.MustConnect(t, v.login(0))
	before = log.flushes(t)
	flushThrice()
	if got := log.flushes(t) - before; got != 0 {
		t.Errorf("aio passed on %d flushes: it has been mended, or this test sees nothing", got)
	}
}

// diskLog is the file in which QEMU's blklogwrites notes what a disk was told, in
// the format of Linux's dm-log-writes.
type diskLog string

// loggedDisk puts the volume's image behind a FUSE file that notes all writes and
// flushes.
func loggedDisk(t *testing.T, v *Volume) diskLog {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		if strings.Contains(os.Getenv("MESON_REQUIRE"), "iscsi") {
			t.Fatal("required: /dev/fuse")
		}
		t.Skip("no /dev/fuse here")
	}
	dir := filepath.Dir(v.Image)
	shown, log := filepath.Join(dir, "shown"), filepath.Join(dir, "log")
	for _, name := range []string{shown, log} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	qsd := exec.Command("qemu-storage-daemon",
		"--blockdev", "driver=file,node-name=disk,filename="+v.Image, "--blockdev", "driver=file,node-name=log,filename="+log,
		"--blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log",
		"--export", "type=fuse,id=e,node-name=logged,writable=on,mountpoint="+shown)
	qsd.Stderr = os.Stderr
	if err := qsd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("umount", "-l", shown).Run()
		_ = qsd.Process.Kill()
		_ = qsd.Wait()
	})
	eventually(t, 20*time.Second, "the image is shown", func() bool {
		info, err := os.Stat(shown)
		return err == nil && info.Size() == 1<<20
	})
	v.Image, v.Locks = shown, nil
	return diskLog(log)
}

// flushes counts those that are in the log.
func (d diskLog) flushes(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(string(d))
	if err != nil {
		t.Fatal(err)
	}
	const sector, flush, discard = 512, 1, 4
	n := 0
	// A sector for the head; then one per entry, and what was written.
	for at := sector; at+32 <= len(data); at += sector {
		count, flags := binary.LittleEndian.Uint64(data[at+8:]), binary.LittleEndian.Uint64(data[at+16:])
		if flags&flush != 0 {
			n++
		}
		if flags&discard == 0 {
			at += int(count) * sector
		}
	}
	return n
}
