package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// crashLine is what makes a stock go-plugin host panic.
const crashLine = `{"@level":"info","@message":1}` + "\n"

// misbehaveAtStart does what the mode says; over: the process ends with code.
func misbehaveAtStart(mode string) (code int, over bool) {
	switch mode {
	case "exit":
		fmt.Fprintln(os.Stderr, "meson-plugin-faulty: I do not want to")
		return 7, true
	case "garbage":
		fmt.Println("Hello, I am printed before the handshake.")
	case "garbage-only":
		fmt.Println("this|is|no|handshake")
		time.Sleep(time.Hour)
	case "silent":
		time.Sleep(time.Hour)
	case "crash-line":
		fmt.Fprint(os.Stderr, crashLine)
	case "flood":
		// Without a line break, as fast as it is taken, for ever.
		go func() {
			chunk := []byte(strings.Repeat("x", 1<<16))
			for {
				if _, err := stderr.Write(chunk); err != nil {
					return
				}
			}
		}()
	case "megabytes":
		go logMegabytes()
	case "grandchild", "orphan":
		leaveGrandchild()
	}
	return 0, false
}

// stderr is the real one: go-plugin puts a pipe in the place of os.Stderr.
var stderr = os.Stderr

func logMegabytes() {
	line := `{"@level":"info","@message":"` + strings.Repeat("m", 1000) + `"}` + "\n"
	for range 32 << 10 {
		if _, err := stderr.WriteString(line); err != nil {
			return
		}
	}
}

// leaveGrandchild starts a process that outlives the plugin unless the whole
// group is killed, and logs its id.
func leaveGrandchild() {
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		fmt.Fprintln(stderr, err)
		return
	}
	fmt.Fprintf(stderr, `{"@level":"info","@message":"grandchild","pid":"%d"}`+"\n", child.Process.Pid)
	go func() { _ = child.Wait() }()
}
