package seed

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
)

// joinBy asks cloud-init to add the lists of the second document to those of
// the first rather than to replace them.
const joinBy = "list(append)+dict(no_replace,recurse_list)+str()"

// parts is the multipart document of a configuration of ours and the user's own
// data, which goes last and in base64, so that its every byte survives.
func parts(cfg, own []byte) ([]byte, error) {
	mime := kind(own)
	if mime == "" {
		// Whole archives and gzip are recognised by cloud-init itself.
		mime = "text/plain"
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.SetBoundary(boundary(cfg, own)); err != nil {
		return nil, fmt.Errorf("encode user data: %w", err)
	}
	for _, part := range []struct {
		kind, merge string
		data        []byte
	}{{"text/cloud-config", "", cfg}, {mime, joinBy, own}} {
		head := textproto.MIMEHeader{
			"Content-Type":              {part.kind + "; charset=\"utf-8\""},
			"Content-Transfer-Encoding": {"base64"},
			"Mime-Version":              {"1.0"},
		}
		if part.merge != "" {
			head.Set("X-Merge-Type", part.merge)
		}
		p, err := w.CreatePart(head)
		if err != nil {
			return nil, fmt.Errorf("encode user data: %w", err)
		}
		if err := wrap(p, part.data); err != nil {
			return nil, fmt.Errorf("encode user data: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode user data: %w", err)
	}
	head := fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\nMIME-Version: 1.0\n\n", w.Boundary())
	return append([]byte(head), body.Bytes()...), nil
}

// boundary follows from the contents, so that the same seed is the same bytes.
func boundary(cfg, own []byte) string {
	h := sha256.New()
	h.Write(cfg)
	h.Write(own)
	return fmt.Sprintf("meson-%x", h.Sum(nil)[:12])
}

func wrap(w interface{ Write([]byte) (int, error) }, data []byte) error {
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 0 {
		n := min(len(text), 76)
		if _, err := fmt.Fprintf(w, "%s\r\n", text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
