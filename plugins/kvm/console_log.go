package kvm

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
)

// A machine's console is logged where libvirt keeps the logs of a /system host:
// the one place that virtlogd may write to under every policy. The log is
// root's, on a host that may be far away, and virtlogd rotates it. So it is
// removed by libvirt, which removes what is in a pool: for a moment the
// directory is one, transient, so that libvirt forgets it with its next start if
// nobody comes to end it.
const (
	consoleDir  = "/var/log/libvirt/qemu"
	consolePool = "meson-console-logs"
	// consolePatience bounds the wait for another's use of the pool; one that
	// lasts longer is a leftover, and taken over.
	consolePatience = 2 * time.Second
)

// consoleLog is where a host logs a machine's console; empty where it does not,
// since what a user's own libvirt may write depends on the user.
func consoleLog(uri, id string) string {
	if path, _, _ := strings.Cut(uri, "?"); !strings.HasSuffix(path, "/system") {
		return ""
	}
	return consoleDir + "/" + consoleName(id)
}

func consoleName(id string) string { return "meson-" + id + "-console.log" }

// errLogsInUse says that somebody else has the logs' directory as a pool.
var errLogsInUse = errors.New("the directory of logs is in use as a pool")

// removeLog removes the log of a machine that does not run any more. A log that
// stays is no reason to keep a machine: the caller says so and goes on.
func (at *place) removeLog(ctx context.Context, id string) error {
	if consoleLog(at.URI, id) == "" {
		return nil
	}
	unlock, err := at.logs.Lock(ctx, consolePool)
	if err != nil {
		return err
	}
	defer unlock()
	for give := time.Now().Add(consolePatience); ; {
		takeOver := time.Now().After(give)
		err := at.host.Do(ctx, "remove console log", func(c *libvirt.Connect) error { return removeLogs(c, consoleName(id), takeOver) })
		if takeOver || err == nil || !errors.Is(err, errLogsInUse) && !hosts.Is(err, libvirt.ERR_NO_STORAGE_POOL, libvirt.ERR_OPERATION_INVALID) {
			return err
		}
		pause(ctx, waitShortest+rand.N(inUseRetry))
		if ctx.Err() != nil {
			return err
		}
	}
}

// removeLogs removes a log and those that it was rotated to, NAME.0 and so on.
func removeLogs(c *libvirt.Connect, name string, takeOver bool) error {
	pool, err := logsPool(c, takeOver)
	if err != nil {
		return err
	}
	defer pool.Free()
	defer pool.Destroy()
	volumes, err := pool.ListAllStorageVolumes(0)
	if err != nil {
		return err
	}
	for i := range volumes {
		v := &volumes[i]
		if n, e := v.GetName(); e == nil && (n == name || strings.HasPrefix(n, name+".")) {
			if e := v.Delete(0); e != nil && !hosts.Is(e, libvirt.ERR_NO_STORAGE_VOL) {
				err = errors.Join(err, e)
			}
		}
		_ = v.Free()
	}
	return err
}

// logsPool makes the pool, or with takeOver takes the one that is there.
func logsPool(c *libvirt.Connect, takeOver bool) (*libvirt.StoragePool, error) {
	doc, err := (&libvirtxml.StoragePool{
		Type: "dir", Name: consolePool, Target: &libvirtxml.StoragePoolTarget{Path: consoleDir},
	}).Marshal()
	if err != nil {
		return nil, err
	}
	pool, err := c.StoragePoolCreateXML(doc, 0)
	// Libvirt's number for a pool of that name or directory is one for everything.
	if !hosts.Is(err, libvirt.ERR_OPERATION_FAILED) {
		return pool, err
	}
	if !takeOver {
		return nil, errLogsInUse
	}
	if pool, err = c.LookupStoragePoolByName(consolePool); err != nil {
		return nil, errLogsInUse // an operator's own
	}
	if err := pool.Refresh(0); err != nil {
		_ = pool.Free()
		return nil, err
	}
	return pool, nil
}
