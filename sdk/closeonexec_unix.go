//go:build unix

package sdk

import (
	"os"
	"syscall"
)

// closeOnExec keeps an inherited descriptor from the plugin's own children.
func closeOnExec(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { syscall.CloseOnExec(int(fd)) })
}
