package mapping

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mounted reports whether a FUSE file system is mounted on the file. It does
// not touch the file, which could wait for a dead daemon.
func mounted(file string) (bool, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if at, ok := fuseMountPoint(lines.Text()); ok && at == file {
			return true, nil
		}
	}
	return false, lines.Err()
}

// fuseMountPoint is where a line of mountinfo, see proc(5), has a FUSE file
// system.
func fuseMountPoint(line string) (string, bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields := strings.Fields(before)
	kind, _, _ := strings.Cut(after, " ")
	if !ok || len(fields) < 5 || (kind != "fuse" && !strings.HasPrefix(kind, "fuse.")) {
		return "", false
	}
	return unescape(fields[4]), true
}

// unescape undoes mountinfo's \ooo.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unmount ends a mount of the file. A lazy one succeeds at once and takes the
// file from those who have it open; the other is Busy while anybody has.
func unmount(ctx context.Context, file string, lazy bool) error {
	flags, option := unix.UMOUNT_NOFOLLOW, "-u"
	if lazy {
		flags, option = flags|unix.MNT_DETACH, "-uz"
	}
	err := unix.Unmount(file, flags)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	out, err := exec.CommandContext(ctx, "fusermount3", option, "--", file).CombinedOutput()
	if err != nil && strings.Contains(string(out), "busy") {
		return unix.EBUSY
	}
	if err != nil {
		return fmt.Errorf("fusermount3: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// holders are the processes that have the file open, and the loop devices made
// of it, as far as this user sees them.
func holders(file string) []string {
	var out []string
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || target != file {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		out = append(out, fmt.Sprintf("%s (%s)", strings.TrimSpace(string(name)), pid))
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, loop := range loops {
		if of, err := os.ReadFile(loop); err == nil && strings.TrimSpace(string(of)) == file {
			out = append(out, "/dev/"+strings.Split(loop, "/")[3])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
