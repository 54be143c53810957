package targettest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Disk is an NBD client of a unix socket, many requests at once: the smallest
// that a test needs (the protocol's fixed newstyle, simple replies, no options
// but the export's name).
type Disk struct {
	conn net.Conn
	Size int64

	// send keeps requests whole; it is held while the server takes no more.
	send    sync.Mutex
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]request
	failed  error
}

// request is one that is under way.
type request struct {
	// length is how much of data the answer brings.
	length uint32
	answer chan reply
}

type reply struct {
	err  error
	data []byte
}

// The commands.
const (
	nbdRead  = 0
	nbdWrite = 1
	nbdClose = 2
	nbdFlush = 3
)

// OpenDisk connects to an export.
func OpenDisk(socket, export string) (*Disk, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	d := &Disk{conn: conn, waiting: map[uint64]request{}}
	if err := d.handshake(export); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("NBD handshake: %w", err)
	}
	go d.receive()
	return d, nil
}

func (d *Disk) handshake(export string) error {
	var hello [18]byte
	if _, err := io.ReadFull(d.conn, hello[:]); err != nil {
		return err
	}
	if string(hello[:16]) != "NBDMAGICIHAVEOPT" {
		return errors.New("no fixed newstyle server")
	}
	// Fixed newstyle, no padding; option 1: the export's name, and on we go.
	b := binary.BigEndian.AppendUint32(nil, 3)
	b = append(b, "IHAVEOPT"...)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(len(export)))
	b = append(b, export...)
	if _, err := d.conn.Write(b); err != nil {
		return err
	}
	var info [10]byte
	if _, err := io.ReadFull(d.conn, info[:]); err != nil {
		return err
	}
	d.Size = int64(binary.BigEndian.Uint64(info[:]))
	return nil
}

// Close ends the connection; what is under way fails.
func (d *Disk) Close() error { return d.conn.Close() }

// ReadAt fills p.
func (d *Disk) ReadAt(p []byte, at int64) (int, error) {
	data, err := d.do(nbdRead, at, uint32(len(p)), nil)
	return copy(p, data), err
}

// WriteAt returns when the write is answered.
func (d *Disk) WriteAt(p []byte, at int64) (int, error) {
	if _, err := d.do(nbdWrite, at, uint32(len(p)), p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush returns when all writes that were answered before are said to be safe.
func (d *Disk) Flush() error {
	_, err := d.do(nbdFlush, 0, 0, nil)
	return err
}

func (d *Disk) do(command uint16, at int64, length uint32, payload []byte) ([]byte, error) {
	r := request{answer: make(chan reply, 1)}
	if command == nbdRead {
		r.length = length
	}
	d.mu.Lock()
	if d.failed != nil {
		d.mu.Unlock()
		return nil, d.failed
	}
	d.next++
	cookie := d.next
	d.waiting[cookie] = r
	d.mu.Unlock()
	b := binary.BigEndian.AppendUint32(nil, 0x25609513)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, command)
	b = binary.BigEndian.AppendUint64(b, cookie)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = binary.BigEndian.AppendUint32(b, length)
	d.send.Lock()
	_, err := d.conn.Write(append(b, payload...))
	d.send.Unlock()
	if err != nil {
		return nil, err
	}
	done := <-r.answer
	return done.data, done.err
}

// receive hands answers to those that wait for them.
func (d *Disk) receive() {
	for {
		if err := d.receiveOne(); err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.failed = fmt.Errorf("NBD: %w", err)
			for _, r := range d.waiting {
				r.answer <- reply{err: d.failed}
			}
			return
		}
	}
}

func (d *Disk) receiveOne() error {
	var head [16]byte
	if _, err := io.ReadFull(d.conn, head[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[0:]) != 0x67446698 {
		return errors.New("no simple reply")
	}
	failed, cookie := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint64(head[8:])
	d.mu.Lock()
	r, ok := d.waiting[cookie]
	d.mu.Unlock()
	if !ok {
		return fmt.Errorf("an answer to nothing that was asked: %d", cookie)
	}
	done := reply{}
	if failed != 0 {
		done.err = fmt.Errorf("the device says error %d", failed)
	} else {
		done.data = make([]byte, r.length)
		if _, err := io.ReadFull(d.conn, done.data); err != nil {
			return err
		}
	}
	d.mu.Lock()
	delete(d.waiting, cookie)
	d.mu.Unlock()
	r.answer <- done
	return nil
}
