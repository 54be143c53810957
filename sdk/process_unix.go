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

// endGroup ends this process and, where it leads a process group of its own, its
// children in it. It does not return.
func endGroup() {
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(exitOrphaned)
}
