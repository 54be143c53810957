package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// answering is an open file at a server that answers once so many requests have come,
// each with so many bytes or a status. It tells what was asked for.
func answering(t *testing.T, depth, moved int, status uint32) (*nfsClient, <-chan int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked := make(chan int64, 1000)
	go func() {
		defer close(asked)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for waiting := 1; ; waiting++ {
			var mark [4]byte
			if _, err := io.ReadFull(conn, mark[:]); err != nil {
				return
			}
			request := make([]byte, binary.BigEndian.Uint32(mark[:])&^(1<<31))
			if _, err := io.ReadFull(conn, request); err != nil {
				return
			}
			d := &decoder{rest: request}
			d.skip(7)
			d.opaque() // who asks
			d.skip(6)
			d.opaque() // the handle
			d.skip(1)
			d.fixed(16)
			asked <- int64(d.word())<<32 | int64(d.word())
			if waiting < depth {
				continue
			}
			var e encoder
			e.words(0, 0, 1, 0, 0, 0, 0, status, 0, 2, opPutFH, 0, opRead, 0, 1)
			e.opaque(make([]byte, moved))
			binary.BigEndian.PutUint32(e, 1<<31|uint32(len(e)-4))
			if waiting == depth {
				e = bytes.Repeat(e, depth) // to those before it, too
			}
			if _, err := conn.Write(e); err != nil {
				return
			}
		}
	}()
	c, err := newNFSClient(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	c.handle, c.state = []byte("handle"), make([]byte, 16)
	return c, asked
}

// As many requests are under way as were asked for, each for the next block.
func TestStreamOverNFS(t *testing.T) {
	s := stream{block: 64 << 20, depth: 3, requests: 5}
	c, asked := answering(t, s.depth, 0, 0)
	if err := s.on(c); err == nil {
		t.Error("an answer without the bytes that were asked for is no error")
	}
	_ = c.close()
	var at []int64
	for offset := range asked {
		at = append(at, offset)
	}
	if want := []int64{0, 64 << 20, 0}; !slices.Equal(at, want) {
		t.Errorf("asked for %v, want %v", at, want)
	}
	s.block = 4096
	c, _ = answering(t, s.depth, s.block, 0)
	if err := s.on(c); err != nil {
		t.Error(err)
	}
	c, _ = answering(t, 1, 0, 28)
	if err := s.on(c); !errors.Is(err, nfsError(28)) {
		t.Errorf("%v, want status 28", err)
	}
}

func TestStreamOnAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := stream{write: true, block: 4096, depth: 3, requests: 10}
	if _, err := s.onFile(name); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != 10*4096 {
		t.Errorf("%v, %v: want 10 blocks", info, err)
	}
	s.write = false
	if _, err := s.onFile(name); err != nil {
		t.Error(err)
	}
	s.requests = 11
	if _, err := s.onFile(name); !errors.Is(err, io.EOF) {
		t.Errorf("%v: the eleventh block is not there", err)
	}
}
