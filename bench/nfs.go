package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// The procedures and constants of NFSv4.0 (RFC 7530) that are used here.
const (
	nfsProgram, nfsVersion, nfsCompound = 100003, 4, 1

	opGetFH, opLookup, opOpen, opOpenConfirm, opPutFH, opPutRootFH = 10, 15, 18, 20, 22, 24
	opRead, opSetClientID, opSetClientIDConfirm, opWrite           = 25, 35, 36, 38

	openConfirm = 2     // of OPEN's flags
	nfsGrace    = 10013 // a server that has started lets old clients be first
	nfsPatience = 90 * time.Second
	maxAnswer   = 4 << 20
)

// nfsClient has one file open for reading and writing. It exists because Linux
// need not have a client of NFS, and because libnfs before its version 5 writes at
// most 3.8 KiB at once over NFSv4: what it encodes a request into has 4 KiB.
type nfsClient struct {
	conn   net.Conn
	in     *bufio.Reader
	xid    uint32
	answer []byte
	handle []byte
	state  []byte
}

// nfsError is a status of the protocol.
type nfsError uint32

func (e nfsError) Error() string { return fmt.Sprintf("the NFS server answers status %d", uint32(e)) }

func newNFSClient(server string) (*nfsClient, error) {
	conn, err := net.DialTimeout("tcp", server, nfsPatience)
	if err != nil {
		return nil, err
	}
	return &nfsClient{conn: conn, in: bufio.NewReaderSize(conn, 256<<10)}, nil
}

// dialNFS opens a file of an export, and makes it where it is not there.
func dialNFS(server, export, file string) (_ *nfsClient, err error) {
	c, err := newNFSClient(server)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err = c.open(export, file); !errors.Is(err, nfsError(nfsGrace)) || time.Since(begun) > nfsPatience {
			return c, err
		}
	}
}

func (c *nfsClient) close() error { return c.conn.Close() }

// open makes this client known, and opens the file.
func (c *nfsClient) open(export, file string) error {
	now := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
	var e encoder
	e.words(opSetClientID)
	e.fixed(now)
	e.text(fmt.Sprintf("meson-bench %d %x", os.Getpid(), now))
	e.words(0) // nobody is called back
	e.text("tcp")
	e.text("0.0.0.0.0.0")
	e.words(0)
	d, err := c.call(1, e)
	if err != nil {
		return fmt.Errorf("SETCLIENTID: %w", err)
	}
	d.skip(2)
	client, verifier := d.fixed(8), d.fixed(8)
	if d.err != nil {
		return d.err
	}
	id := string(client)
	e = nil
	e.words(opSetClientIDConfirm)
	e.fixed(client)
	e.fixed(verifier)
	if _, err := c.call(1, e); err != nil {
		return fmt.Errorf("SETCLIENTID_CONFIRM: %w", err)
	}

	e = nil
	e.words(opPutRootFH)
	path := strings.FieldsFunc(export, func(r rune) bool { return r == '/' })
	for _, name := range path {
		e.words(opLookup)
		e.text(name)
	}
	const both, unchecked, byName = 3, 0, 0
	e.words(opOpen, 0, both, 0)
	e.fixed([]byte(id))
	e.text("bench")
	e.words(1, unchecked, 0, 0, byName) // made without attributes
	e.text(file)
	e.words(opGetFH)
	if d, err = c.call(uint32(len(path)+3), e); err != nil {
		return fmt.Errorf("OPEN of %s in %s: %w", file, export, err)
	}
	d.skip(2 + 2*len(path) + 2)
	c.state = append([]byte(nil), d.fixed(16)...)
	d.skip(5)
	flags := d.word()
	d.skip(int(min(d.word(), 8))) // the attributes that were set
	if delegation := d.word(); delegation != 0 {
		return fmt.Errorf("a delegation of type %d, with nobody to be called back", delegation)
	}
	d.skip(2)
	c.handle = append([]byte(nil), d.opaque()...)
	if d.err != nil || flags&openConfirm == 0 {
		return d.err
	}
	e = nil
	e.words(opPutFH)
	e.opaque(c.handle)
	e.words(opOpenConfirm)
	e.fixed(c.state)
	e.words(1)
	if d, err = c.call(2, e); err != nil {
		return fmt.Errorf("OPEN_CONFIRM: %w", err)
	}
	d.skip(4)
	c.state = append([]byte(nil), d.fixed(16)...)
	return d.err
}

// call is one request and its answer, from its first operation's on.
func (c *nfsClient) call(operations uint32, body []byte) (*decoder, error) {
	if err := c.send(operations, body, nil); err != nil {
		return nil, err
	}
	return c.receive()
}

// send sends a request: the body, and data behind it, which is a multiple of four.
func (c *nfsClient) send(operations uint32, body, data []byte) error {
	const call, rpc, unix, root, nobody = 0, 2, 1, 0, 0
	c.xid++
	e := make(encoder, 4, 128+len(body))
	e.words(c.xid, call, rpc, nfsProgram, nfsVersion, nfsCompound, unix, 20, 0, 0, root, root, 0, nobody, 0)
	e.words(0, 0, operations) // no tag, minor version 0
	e.fixed(body)
	binary.BigEndian.PutUint32(e, 1<<31|uint32(len(e)-4+len(data)))
	_, err := (&net.Buffers{e, data}).WriteTo(c.conn)
	return err
}

// receive reads an answer; an error if it is not that all went well. It is valid
// until the next one.
func (c *nfsClient) receive() (*decoder, error) {
	var mark [4]byte
	if _, err := io.ReadFull(c.in, mark[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(mark[:])
	if n>>31 == 0 || n&^(1<<31) > maxAnswer {
		return nil, fmt.Errorf("an answer in pieces, or too long: %#x", n)
	}
	if n &^= 1 << 31; int(n) > cap(c.answer) {
		c.answer = make([]byte, n)
	}
	c.answer = c.answer[:n]
	if _, err := io.ReadFull(c.in, c.answer); err != nil {
		return nil, err
	}
	d := &decoder{rest: c.answer}
	d.skip(1)
	if kind, denied := d.word(), d.word(); kind != 1 || denied != 0 {
		return nil, errors.Join(errors.New("the NFS server denies the call"), d.err)
	}
	d.skip(1)
	d.opaque()
	if accepted := d.word(); accepted != 0 {
		return nil, fmt.Errorf("the NFS server does not understand the call: %d", accepted)
	}
	status := d.word()
	d.opaque()
	d.skip(1)
	if status != 0 {
		return nil, nfsError(status)
	}
	return d, d.err
}
