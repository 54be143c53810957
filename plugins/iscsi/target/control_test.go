package target

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The request is the one that tgtadm sends, byte for byte.
func TestEncode(t *testing.T) {
	b, err := adminRequest{mode: modeDevice, op: opUpdate, tid: 7, sid: 8, lun: 9, cid: 10, force: true, params: "path=x"}.encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != headerSize+len("path=x")+1 || binary.NativeEndian.Uint32(b[72:]) != uint32(len(b)) {
		t.Errorf("it has %d bytes and says %d", len(b), binary.NativeEndian.Uint32(b[72:]))
	}
	for at, want := range map[int]uint32{0: 2, 4: 5, 76: 7, 80: 8, 88: 9, 96: 10, 116: 1} {
		if got := binary.NativeEndian.Uint32(b[at:]); got != want {
			t.Errorf("at %d is %d, want %d", at, got, want)
		}
	}
	if string(b[8:14]) != "iscsi\x00" || !bytes.HasSuffix(b, []byte("path=x\x00")) {
		t.Errorf("it is %q", b)
	}
	for _, bad := range []string{"a\x00b", strings.Repeat("x", maxParams)} {
		if _, err := (adminRequest{params: bad}).encode(); err == nil {
			t.Errorf("%d bytes were taken", len(bad))
		}
	}
}

func answerOf(code, size uint32, text string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, code)
	b = binary.NativeEndian.AppendUint32(b, size)
	return append(b, text...)
}

func TestDecodeAnswer(t *testing.T) {
	if text, err := decodeAnswer(bytes.NewReader(answerOf(0, 12, "abc\x00"))); err != nil || text != "abc" {
		t.Errorf("have %q, %v", text, err)
	}
	if _, err := decodeAnswer(bytes.NewReader(answerOf(4, 8, ""))); !errors.Is(err, codeNoTarget) {
		t.Errorf("have %v, want %v", err, codeNoTarget)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "half a head": {0, 0}, "too short": answerOf(0, 7, ""), "huge": answerOf(0, 1<<31, ""), "cut off": answerOf(0, 100, "abc"),
	} {
		if _, err := decodeAnswer(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add(answerOf(0, 12, "abc\x00"))
	f.Add(answerOf(4, 8, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := decodeAnswer(bytes.NewReader(b)); err == nil && len(text) > len(b) {
			t.Fatalf("%d bytes of %d", len(text), len(b))
		}
	})
}

// One that does not answer, or dies of the request, is told from one that refuses.
func TestSilentDaemon(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, serve := range map[string]func(net.Conn){
		"hangs":  func(net.Conn) { time.Sleep(time.Second) },
		"dies":   func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, headerSize)); _ = c.Close() },
		"babble": func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte{0}, 64)) },
	} {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				serve(c)
			}
		}()
		c := control{path: path, patience: 100 * time.Millisecond}
		if _, err := c.targets(context.Background()); !errors.Is(err, errSilent) {
			t.Errorf("%s: %v, want that it does not answer", name, err)
		}
		_ = l.Close()
	}
	c := control{path: filepath.Join(dir, "none"), patience: time.Second}
	if _, err := c.targets(context.Background()); !errors.Is(err, errSilent) {
		t.Errorf("none there: %v", err)
	}
}
