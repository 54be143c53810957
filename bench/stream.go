package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// streamArg makes this program what `qemu-img bench` is to other ways: a load on a
// file of an NFS export, or on a file, with the same options and the same last line.
const streamArg = "stream"

// streamFile is the file in an export.
const streamFile = "way"

// stream is so many requests, one after the other from the begin of the file to its
// end and again, a few of them under way. What is written is not flushed.
type stream struct {
	write                  bool
	block, depth, requests int
}

func streamed(args []string) error {
	var s stream
	flags := flag.NewFlagSet(streamArg, flag.ContinueOnError)
	flags.BoolVar(&s.write, "w", false, "write")
	flags.IntVar(&s.requests, "c", 0, "requests")
	flags.IntVar(&s.block, "s", 4096, "bytes of each")
	flags.IntVar(&s.depth, "d", 1, "requests at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.requests < 1 || s.block < 4 || s.block%4 != 0 || wayBytes%s.block != 0 || s.depth < 1 {
		return errors.New("want -c REQUESTS [-s BYTES] [-d DEPTH] [-w] FILE, or SERVER EXPORT")
	}
	var took time.Duration
	var err error
	switch at := flags.Args(); len(at) {
	case 1:
		took, err = s.onFile(at[0])
	case 2:
		took, err = s.onNFS(at[0], at[1])
	default:
		err = errors.New("want FILE, or SERVER EXPORT")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Printf("Run completed in %.3f seconds.\n", took.Seconds())
	return err
}

// at is where in the file the i-th request is.
func (s stream) at(i int) int64 { return int64(i) * int64(s.block) % wayBytes }

// onFile has as many threads as there are requests at once.
func (s stream) onFile(name string) (time.Duration, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	faults := make([]error, s.depth)
	begun := time.Now()
	for w := range s.depth {
		workers.Go(func() {
			data := make([]byte, s.block)
			for faults[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= s.requests {
					return
				}
				if s.write {
					_, faults[w] = f.WriteAt(data, s.at(i))
				} else {
					_, faults[w] = f.ReadAt(data, s.at(i))
				}
			}
		})
	}
	workers.Wait()
	took := time.Since(begun)
	return took, errors.Join(append(faults, f.Close())...)
}

// onNFS has one connection, on which the server answers in any order.
func (s stream) onNFS(server, export string) (time.Duration, error) {
	c, err := dialNFS(server, export, streamFile)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	err = s.on(c)
	took := time.Since(begun)
	return took, errors.Join(err, c.close())
}

func (s stream) on(c *nfsClient) error {
	data := make([]byte, s.block)
	for sent, done := 0, 0; done < s.requests; {
		if sent < s.requests && sent-done < s.depth {
			if err := s.ask(c, data, s.at(sent)); err != nil {
				return err
			}
			sent++
			continue
		}
		d, err := c.receive()
		if err != nil {
			return err
		}
		if n := s.moved(d); d.err != nil || n != s.block {
			return errors.Join(fmt.Errorf("%d of %d bytes were moved", n, s.block), d.err)
		}
		done++
	}
	return nil
}

func (s stream) ask(c *nfsClient, data []byte, at int64) error {
	var e encoder
	e.words(opPutFH)
	e.opaque(c.handle)
	if !s.write {
		e.words(opRead)
		e.fixed(c.state)
		e.long(uint64(at))
		e.words(uint32(s.block))
		return c.send(2, e, nil)
	}
	const unstable = 0
	e.words(opWrite)
	e.fixed(c.state)
	e.long(uint64(at))
	e.words(unstable, uint32(s.block))
	return c.send(2, e, data)
}

// moved is how many bytes an answer says to have moved.
func (s stream) moved(d *decoder) int {
	d.skip(4) // of both operations number and status
	if s.write {
		return int(d.word())
	}
	d.skip(1) // whether the file ends here
	return len(d.opaque())
}
