package e2e_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// guest is a machine's serial console, to type at and to read.
type guest struct {
	t    *testing.T
	name string
	keys *os.File
	text *syncBuffer
	end  context.CancelFunc
}

// console opens the console of a machine until the test ends.
func (w *world) console(name string) *guest {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, keys, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	g := &guest{t: w.t, name: name, keys: keys, text: &syncBuffer{}, end: cancel}
	cmd := w.command(ctx, "console", name)
	cmd.Stdin, cmd.Stdout = r, g.text
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		_ = keys.Close()
		_ = r.Close()
	})
	return g
}

// waits is how long a guest may take for anything; it is emulated.
const waits = 2 * time.Minute

// until waits for a text after what was read before, and gives the line from it on.
func (g *guest) until(text string) string {
	g.t.Helper()
	for give := time.Now().Add(waits); time.Now().Before(give); time.Sleep(20 * time.Millisecond) {
		if line, ok := g.text.after(text); ok {
			return line
		}
	}
	g.t.Fatalf("%s does not say %q, but:\n%s", g.name, text, g.text.rest())
	return ""
}

// booted waits for the guest's ready line, asking for it again where it was said
// before the console was open.
func (g *guest) booted() string {
	g.t.Helper()
	asked := time.Time{}
	for give := time.Now().Add(waits); time.Now().Before(give); time.Sleep(100 * time.Millisecond) {
		// Not too often: a slow guest would be busy with answers for minutes after it.
		if time.Since(asked) > 15*time.Second {
			asked = time.Now()
			_, _ = g.keys.WriteString("\rready\r")
		}
		if line, ok := g.text.after("MESON-GUEST ready"); ok {
			g.idle()
			return line
		}
	}
	g.t.Fatalf("%s does not boot:\n%s", g.name, g.text.rest())
	return ""
}

// idle waits until all that was typed is done: what is typed while the shell has
// something to do may be lost.
func (g *guest) idle() {
	g.t.Helper()
	for n, patience := 1, 2*time.Second; patience < waits; n, patience = n+1, 2*patience {
		_, _ = fmt.Fprintf(g.keys, "echo ID\"\"LE %d\r", n)
		for give := time.Now().Add(patience); time.Now().Before(give); time.Sleep(20 * time.Millisecond) {
			if _, ok := g.text.after(fmt.Sprintf("IDLE %d", n)); ok {
				return
			}
		}
	}
	g.t.Fatalf("%s does nothing that is typed:\n%s", g.name, g.text.rest())
}

// run types a command and gives what it printed on the line that ends with its exit
// code, which must be 0.
func (g *guest) run(command string) string {
	g.t.Helper()
	// The mark is put together by the shell, so that its echo is not taken for it.
	_, _ = g.keys.WriteString(command + "; echo DO\"\"NE $?\r")
	line := g.until("DONE ")
	if !strings.HasPrefix(line, "DONE 0") {
		g.t.Fatalf("%s: %s: %s\n%s", g.name, command, line, g.text.whole())
	}
	return g.text.before()
}
