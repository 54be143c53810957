package upcloud_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// waitImport steps the clock until the import is at an end.
func waitImport(t *testing.T, c *cloud, uuid string) *sdk.StorageImportDetails {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		i, err := c.GetStorageImportDetails(t.Context(), &request.GetStorageImportDetailsRequest{UUID: uuid})
		if err != nil {
			t.Fatal(err)
		}
		if i.State == "completed" || i.State == "failed" {
			return i
		}
		c.Next()
	}
	t.Fatal("the import does not end")
	return nil
}

func TestImportFromURL(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("an image"))
	_ = z.Close()
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/image":
			_, _ = io.WriteString(w, "an image")
		case "/image.gz":
			_, _ = w.Write(packed.Bytes())
		case "/moved":
			http.Redirect(w, r, "/image", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/endless":
			for block := make([]byte, 1<<16); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		default:
			http.NotFound(w, r)
		}
	}))
	defer source.Close()
	sum := sha256.Sum256([]byte("an image"))
	c := start(t, upcloud.Options{Clock: manual(), ImportBytes: 1 << 20})
	for path, want := range map[string]string{"/image": "", "/image.gz": "", "/moved": "", "/circle": "redirects", "/endless": "larger", "/none": "404"} {
		d := newStorage(t, c, "fi-hel1")
		i, err := c.CreateStorageImport(t.Context(), &request.CreateStorageImportRequest{
			StorageUUID: d.UUID, Source: request.StorageImportSourceHTTPImport, SourceLocation: source.URL + path,
		})
		if err != nil || i.State != "prepared" || storageState(t, c, d.UUID) != "maintenance" {
			t.Fatalf("%s: %+v, %v", path, i, err)
		}
		end := waitImport(t, c, d.UUID)
		if want == "" && (end.State != "completed" || end.WrittenBytes != 8 || end.SHA256Sum != hex.EncodeToString(sum[:])) {
			t.Errorf("%s: %+v", path, end)
		}
		if want != "" && (end.State != "failed" || end.ErrorCode == "" || !strings.Contains(end.ErrorMessage, want)) {
			t.Errorf("%s: %+v, want a failure of %q", path, end, want)
		}
		if got := storageState(t, c, d.UUID); got != "online" {
			t.Errorf("%s: the storage is %s", path, got)
		}
		if err := c.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: d.UUID}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	d := newStorage(t, c, "fi-hel1")
	for _, location := range []string{"", "file:///etc/passwd", "ftp://x/y", "http://"} {
		_, err := c.CreateStorageImport(t.Context(), &request.CreateStorageImportRequest{StorageUUID: d.UUID, Source: "http_import", SourceLocation: location})
		if problem(t, err).Status != 400 {
			t.Errorf("%q: %v", location, err)
		}
	}
}

func TestImportEndsWithTheServer(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	source := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	defer source.Close()
	defer close(release)
	c := start(t, upcloud.Options{})
	d := newStorage(t, c, "fi-hel1")
	if _, err := c.CreateStorageImport(t.Context(), &request.CreateStorageImportRequest{StorageUUID: d.UUID, Source: "http_import", SourceLocation: source.URL}); err != nil {
		t.Fatal(err)
	}
	<-asked
	c.Close() // would wait for ever
	if got := storageState(t, c, d.UUID); got != "online" {
		t.Errorf("the storage is %s", got)
	}
}

func TestUpload(t *testing.T) {
	c := start(t, upcloud.Options{ImportBytes: 1 << 20})
	d := newStorage(t, c, "fi-hel1")
	i, err := c.CreateStorageImport(t.Context(), &request.CreateStorageImportRequest{
		StorageUUID: d.UUID, Source: request.StorageImportSourceDirectUpload, SourceLocation: strings.NewReader("an image"),
	})
	if err != nil || !strings.HasPrefix(i.DirectUploadURL, c.url) {
		t.Fatalf("%+v, %v", i, err)
	}
	if end := waitImport(t, c, d.UUID); end.State != "completed" || end.ReadBytes != 8 {
		t.Errorf("%+v", end)
	}
	path := strings.TrimPrefix(i.DirectUploadURL, c.url)
	if status, _ := call(t, c, http.MethodPut, path, "again"); status != http.StatusNotFound {
		t.Errorf("a second upload: %d", status)
	}
	if _, err := c.CreateStorageImport(t.Context(), &request.CreateStorageImportRequest{
		StorageUUID: d.UUID, Source: request.StorageImportSourceDirectUpload, SourceLocation: bytes.NewReader(make([]byte, 1<<20+1)),
	}); err == nil {
		t.Error("more than may be read is taken")
	}
}
