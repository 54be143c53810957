package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

// maxAnswer bounds what is typed at a question.
const maxAnswer = 256

// asks reports whether there is a person to be asked.
func (a *app) asks() bool { return a.env.Terminal.Stdin && a.env.Terminal.Stderr }

// confirm asks a question that an empty answer says yes to, agree one that it
// says no to.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	return a.yesOrNo(ctx, question+" [Y/n] ", true)
}

func (a *app) agree(ctx context.Context, question string) (bool, error) {
	return a.yesOrNo(ctx, question+" [y/N] ", false)
}

// mustAgree is Interrupted, with what was not done, where a person on a terminal does
// not agree.
func (a *app) mustAgree(ctx context.Context, question, undone string) error {
	if !a.asks() {
		return nil
	}
	agreed, err := a.agree(ctx, render.Visible(question))
	if err == nil && !agreed {
		err = core.Errorf(core.Interrupted, "%s", undone)
	}
	return err
}

func (a *app) yesOrNo(ctx context.Context, question string, otherwise bool) (bool, error) {
	for {
		a.job.ask(question)
		answer, err := a.line(ctx)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "":
			return otherwise, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}

// pick asks for a number from 1 to n, 1 being the default; q and the end of
// input are Interrupted.
func (a *app) pick(ctx context.Context, n int) (int, error) {
	for {
		a.job.ask(fmt.Sprintf("Which one? 1 to %d, Enter for 1, q to leave: ", n))
		answer, err := a.line(ctx)
		if err != nil {
			return 0, err
		}
		switch strings.ToLower(answer) {
		case "":
			return 1, nil
		case "q", "quit":
			return 0, core.Errorf(core.Interrupted, "nothing chosen, nothing made")
		}
		if i, err := strconv.Atoi(answer); err == nil && i >= 1 && i <= n {
			return i, nil
		}
	}
}

// line reads one line from standard input, without its white space, until ctx
// ends. The end of input without a line is Interrupted.
func (a *app) line(ctx context.Context) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := readLine(a.env.Stdin)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return "", core.Errorf(core.Interrupted, "no answer, nothing made")
		}
		a.job.answered()
		return strings.TrimSpace(r.text), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// readLine reads byte by byte, so that what follows the line stays unread.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for buf := make([]byte, 1); len(line) < maxAnswer; {
		n, err := r.Read(buf)
		if n == 1 && buf[0] == '\n' {
			return string(line), nil
		}
		line = append(line, buf[:n]...)
		if err != nil {
			if len(line) > 0 {
				return string(line), nil
			}
			return "", err
		}
	}
	return string(line), nil
}
