package image

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// TestFUSE is a qcow2 as a plain file: written, grown while it is open, frozen
// under a writer, and mounted again after its daemon was killed.
func TestFUSE(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	theFUSE(t)
	d := newDisk(t, e, QCOW2, 8<<20)
	path := filepath.Join(t.TempDir(), "disk")
	open := func() *os.File {
		t.Helper()
		daemon, err := e.Serve(t.Context(), d.Volume, d.options)
		if err == nil {
			d.Daemon = daemon
			err = daemon.Open(t.Context(), Export{ID: "file", Path: path, Writable: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	if err := d.Daemon.Open(t.Context(), Export{ID: "w", Writable: true}); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("NBD beside FUSE: %v", err)
	}
	write := func(block int64, value byte) {
		t.Helper()
		if _, err := f.WriteAt(bytes.Repeat([]byte{value}, blockBytes), block*blockBytes); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		d.holds[uint64(block)] = value
	}
	write(1, 1)
	d.do(Change{Op: OpSnapshot, Layer: "a"})
	write(2, 2)
	d.do(Change{Op: OpResize, SizeBytes: 16 << 20})
	if st, err := f.Stat(); err != nil || st.Size() != 16<<20 {
		t.Fatalf("size %v, %v", st, err)
	}
	write(4000, 3)
	if err := syscall.Kill(d.Daemon.Process(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dead", func() bool {
		_, err := os.Stat(path)
		return err != nil
	})
	_ = f.Close()
	f = open()
	write(5, 5)
	_ = f.Close()
	if err := d.Daemon.Close(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() != 0 {
		t.Errorf("the file is still mounted: %v %v", st, err)
	}
	d.stop()
	d.check("after all")
	d.wellFormed()
}

// TestExports adds, lists and ends exports, and a closed one can neither be read
// nor written.
func TestExports(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), Raw, 8<<20)
	d.serve()
	ctx := t.Context()
	if err := d.Daemon.Open(ctx, Export{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Daemon.Open(ctx, Export{ID: "r"}); err != nil {
		t.Error(err)
	}
	kindIs(t, d.Daemon.Open(ctx, Export{ID: "r", Writable: true}), sdk.Conflict)
	kindIs(t, d.Daemon.Open(ctx, Export{ID: "../r"}), sdk.Invalid)
	found, err := d.e.Find(ctx, d.options.Dir)
	if err != nil || found.Process() != d.Daemon.Process() {
		t.Fatalf("found %v, %v", found, err)
	}
	all, err := found.Exports(ctx)
	if err != nil || !slices.Equal(all, []Export{{ID: "r"}, {ID: "w", Writable: true}}) {
		t.Errorf("exports %v, %v", all, err)
	}
	r, err := dialNBD(ctx, d.Daemon.Socket(), "r")
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := r.do(nbdWrite, 0, make([]byte, 512)); err == nil {
		t.Error("a read-only export was written")
	}
	w, err := dialNBD(ctx, d.Daemon.Socket(), "w")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for range 2 {
		if err := d.Daemon.Close(ctx, "w"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.do(nbdWrite, 0, make([]byte, 512)); err == nil {
		t.Error("a closed export was written")
	}
	if _, err := dialNBD(ctx, d.Daemon.Socket(), "w"); err == nil {
		t.Error("a closed export was opened")
	}
}

// TestOneDaemon: a second daemon on the same files is refused by QEMU's locks, a
// runtime directory is of one volume, and a lock that the caller handed over lives
// as long as the daemon and no longer.
func TestOneDaemon(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 8<<20)
	lock, err := os.OpenFile(filepath.Join(t.TempDir(), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	taken := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(lock.Fd(), unix.F_OFD_SETLK, &taken); err != nil {
		t.Fatal(err)
	}
	d.options.Locks = []*os.File{lock}
	d.serve()
	other, err := os.OpenFile(lock.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_ = lock.Close()
	if held, err := locked(other, 0, 1); err != nil || !held {
		t.Errorf("the daemon does not hold the lock: %v, %v", held, err)
	}
	if use, err := InUse(d.active()); err != nil || !use.Writing {
		t.Errorf("use %+v, %v", use, err)
	}
	_, err = d.e.Serve(t.Context(), d.Volume, ServeOptions{Dir: d.options.Dir + "2"})
	kindIs(t, err, sdk.Busy)
	_, err = Hold(d.active())
	kindIs(t, err, sdk.Busy)
	resting := d.Volume
	resting.Daemon = nil
	for _, c := range []Change{
		{ID: "x", Op: OpSnapshot, Layer: "s"},
		{ID: "x", Op: OpResize, SizeBytes: 16 << 20},
		{ID: "x", Op: OpConvert, Format: Raw},
	} {
		_, err := d.e.Do(t.Context(), resting, c)
		kindIs(t, err, sdk.Busy)
	}
	d.wellFormed()
	stranger := newDisk(t, d.e, Raw, 8<<20)
	_, err = d.e.Serve(t.Context(), stranger.Volume, d.options)
	kindIs(t, err, sdk.Busy)
	if err := d.Daemon.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Daemon = nil
	if held, err := locked(other, 0, 1); err != nil || held {
		t.Errorf("the lock outlives the daemon: %v, %v", held, err)
	}
	held, err := Hold(d.active())
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.e.Serve(t.Context(), d.Volume, ServeOptions{Dir: d.options.Dir})
	kindIs(t, err, sdk.Busy)
	_, err = Hold(d.active())
	kindIs(t, err, sdk.Busy)
	_ = held.Close()
	d.options.Locks = nil
	d.check("free again")
}

// TestStrangersPid: a pid file that names another process is not believed.
func TestStrangersPid(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 8<<20)
	d.serve()
	d.stop()
	if err := os.WriteFile(filepath.Join(d.options.Dir, "pid"), fmt.Appendf(nil, `{"pid":%d,"start":1}`, os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := d.e.Find(t.Context(), d.options.Dir)
	if err != nil || found != nil {
		t.Errorf("found %v, %v", found, err)
	}
	if err := (&Daemon{d.options.Dir, process{os.Getpid(), 1}}).Kill(t.Context()); err != nil {
		t.Error(err)
	}
}
