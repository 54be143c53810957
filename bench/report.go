package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one line of the table. met is empty where there is no goal.
type row struct {
	what, meson, against, compared, goal string
	met                                  verdict
	// how says how it was measured, a sentence or two.
	how string
}

// table is what is compared in more than one way.
type table struct {
	head  []string
	lines [][]string
	note  string
}

func (t table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
	for _, l := range t.lines {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(l, " | "))
	}
	fmt.Fprintf(&out, "\n%s\n", t.note)
	return out.String()
}

type verdict string

func verdictOf(ok bool) verdict {
	if ok {
		return "yes"
	}
	return "**no**"
}

// report is the table, and what must be known to read it.
type report struct {
	rows   []row
	tables []table
	begun  time.Time
	load   string // at the begin
}

func newReport() *report { return &report{begun: time.Now(), load: load()} }

func (r *report) markdown() string {
	var out strings.Builder
	goals := slices.ContainsFunc(r.rows, func(l row) bool { return l.goal != "" })
	fmt.Fprint(&out, "| what | Meson | against | difference or ratio |")
	if goals {
		fmt.Fprint(&out, " goal | met? |\n|---|---")
	} else {
		fmt.Fprintln(&out)
	}
	fmt.Fprintln(&out, "|---|---|---|---|")
	for _, l := range r.rows {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |", l.what, l.meson, l.against, l.compared)
		if goals {
			fmt.Fprintf(&out, " %s | %s |", l.goal, l.met)
		}
		fmt.Fprintln(&out)
	}
	fmt.Fprintf(&out, "\nMedians, with the quartiles in brackets; what is compared was run in turn, each when nothing else ran, or after 2 s of waiting for that. %s, %d processors of type %s, %s. Load average %s before, %s after.\n\n",
		r.begun.UTC().Format("2006-01-02"), runtime.NumCPU(), processor(), versions(), r.load, load())
	for _, l := range r.rows {
		if l.how != "" {
			fmt.Fprintf(&out, "* *%s:* %s\n", l.what, l.how)
		}
	}
	for _, t := range r.tables {
		fmt.Fprintf(&out, "\n%s", t.markdown())
	}
	return out.String()
}

// load is the load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func versions() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	libvirt, _ := exec.Command("virsh", "--version").Output()
	qemu, _ := exec.Command("qemu-system-x86_64", "--version").Output()
	line, _, _ := strings.Cut(string(qemu), "\n")
	if words := strings.Fields(line); len(words) > 3 {
		line = words[3]
	}
	return fmt.Sprintf("Linux %s, libvirt %s, QEMU %s, guests emulated (TCG)", strings.TrimSpace(string(kernel)), strings.TrimSpace(string(libvirt)), line)
}
