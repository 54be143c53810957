package target

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// control is the control socket of one tgtd, spoken to as tgtadm does (usr/tgtadm.h
// of tgt 1.0: a header of 120 bytes in the machine's own byte order, then a string
// with its zero; answered by a code and a length of 32 bits, then text). It is
// spoken here, and not by tgtadm, because tgtadm wants passwords as arguments.
type control struct {
	path string
	// patience is how long one answer may take.
	patience time.Duration
}

// What is done, and to what.
type (
	adminOp   uint32
	adminMode uint32
)

const (
	opNew adminOp = iota
	opDelete
	opShow
	opBind
	opUnbind
	opUpdate
)

const (
	modeSystem adminMode = iota
	modeTarget
	modeDevice
	modePortal
	modeLLD
	modeSession
	modeConnection
	modeAccount
)

// adminRequest is what tgtd is asked; params is secret where it has a password.
type adminRequest struct {
	mode   adminMode
	op     adminOp
	tid    int32
	sid    uint64
	lun    uint64
	cid    uint32
	force  bool
	params string
}

const (
	headerSize = 120
	// tgtd takes 8 KiB; an answer is some hundred bytes for a target.
	maxParams = 8 << 10
	maxAnswer = 4 << 20
)

// code is tgtd's answer where it is not success.
type code uint32

const (
	codeNoTarget     code = 4
	codeNoLUN        code = 5
	codeNoSession    code = 6
	codeNoConnection code = 7
	codeTargetExists code = 9
	codeACLMissing   code = 13
	codeUserExists   code = 14
	codeNoUser       code = 15
	codeInvalid      code = 17
	codeTargetActive code = 19
	codeLUNActive    code = 20
)

func (c code) Error() string {
	text := map[code]string{
		codeNoTarget: "no such target", codeNoLUN: "no such logical unit", codeNoSession: "no such session",
		codeNoConnection: "no such connection", codeTargetExists: "the target is there already", codeACLMissing: "no such rule",
		codeUserExists: "the account is there already", codeNoUser: "no such account", codeInvalid: "invalid request",
		codeTargetActive: "the target is in use", codeLUNActive: "commands of the logical unit are under way",
	}[c]
	if text == "" {
		return fmt.Sprintf("tgtd's error %d", uint32(c))
	}
	return text
}

// errSilent is in the chain of an error where tgtd did not answer: it does not
// run, hangs, or has died of the request.
var errSilent = errors.New("tgtd does not answer")

// ask sends one request and returns the text of the answer. The error is a code,
// or has errSilent in its chain; neither has a password in it.
func (c *control) ask(ctx context.Context, r adminRequest) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	text, err := c.exchange(ctx, r)
	if err == nil {
		return text, nil
	}
	if _, said := errors.AsType[code](err); said {
		return "", err
	}
	return "", fmt.Errorf("%w: %w", errSilent, err)
}

func (c *control) exchange(ctx context.Context, r adminRequest) (string, error) {
	request, err := r.encode()
	if err != nil {
		return "", err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.path)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(request); err != nil {
		return "", err
	}
	return decodeAnswer(conn)
}

// encode is the request as tgtd reads it.
func (r adminRequest) encode() ([]byte, error) {
	if len(r.params)+1 > maxParams || bytes.IndexByte([]byte(r.params), 0) >= 0 {
		return nil, sdk.Errorf(sdk.Internal, "a request to tgtd is too long or has a zero in it")
	}
	size := headerSize
	if r.params != "" {
		size += len(r.params) + 1
	}
	b := make([]byte, size)
	order := binary.NativeEndian
	order.PutUint32(b[0:], uint32(r.mode))
	order.PutUint32(b[4:], uint32(r.op))
	copy(b[8:72], "iscsi")
	order.PutUint32(b[72:], uint32(size))
	order.PutUint32(b[76:], uint32(r.tid))
	order.PutUint64(b[80:], r.sid)
	order.PutUint64(b[88:], r.lun)
	order.PutUint32(b[96:], r.cid)
	if r.force {
		order.PutUint32(b[116:], 1)
	}
	copy(b[headerSize:], r.params)
	return b, nil
}

// decodeAnswer reads a whole answer, at most maxAnswer of it.
func decodeAnswer(from io.Reader) (string, error) {
	var head [8]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return "", err
	}
	if failed := binary.NativeEndian.Uint32(head[0:]); failed != 0 {
		return "", code(failed)
	}
	size := binary.NativeEndian.Uint32(head[4:])
	if size < 8 || size > maxAnswer {
		return "", fmt.Errorf("an answer of %d bytes", size)
	}
	text := make([]byte, size-8)
	if _, err := io.ReadFull(from, text); err != nil {
		return "", err
	}
	return string(bytes.TrimRight(text, "\x00")), nil
}
