package upcloud

import (
	"net/http"
	"net/url"
	"time"
)

// The states of an import.
const (
	importPrepared  = "prepared"
	importPending   = "pending"
	importImporting = "importing"
	importCompleted = "completed"
	importFailed    = "failed"

	sourceHTTP   = "http_import"
	sourceUpload = "direct_upload"

	// maxFetches is how many imports read at a time.
	maxFetches = 4
)

// storageImport is the import of data into a storage. The emulator reads the
// data for its sums and keeps none of it.
type storageImport struct {
	uuid, source, location, upload string
	storage                        *storage
	state                          string
	created, completed             time.Time
	length                         int64 // as the source says
	contentType                    string
	read, written                  int64
	md5, sha256                    string
	code, message                  string
	reading                        bool
}

type wireImport struct {
	ClientContentLength int64  `json:"client_content_length"`
	ClientContentType   string `json:"client_content_type"`
	Completed           string `json:"completed"`
	Created             string `json:"created"`
	DirectUploadURL     string `json:"direct_upload_url,omitempty"`
	ErrorCode           string `json:"error_code"`
	ErrorMessage        string `json:"error_message"`
	MD5Sum              string `json:"md5sum"`
	ReadBytes           int64  `json:"read_bytes"`
	SHA256Sum           string `json:"sha256sum"`
	Source              string `json:"source"`
	SourceLocation      string `json:"source_location,omitempty"`
	State               string `json:"state"`
	UUID                string `json:"uuid"`
	WrittenBytes        int64  `json:"written_bytes"`
}

func (i *storageImport) wire() any {
	w := wireImport{
		ClientContentLength: i.length, ClientContentType: i.contentType, Created: stamp(i.created), DirectUploadURL: i.upload, ErrorCode: i.code,
		ErrorMessage: i.message, MD5Sum: i.md5, ReadBytes: i.read, SHA256Sum: i.sha256, Source: i.source, SourceLocation: i.location,
		State: i.state, UUID: i.uuid, WrittenBytes: i.written,
	}
	if !i.completed.IsZero() {
		w.Completed = stamp(i.completed)
	}
	return map[string]any{"storage_import": w}
}

// createImport begins an import into a disk that no started server has.
func (s *Server) createImport(c *call) (*reply, error) {
	d, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	var r struct {
		Import struct {
			Source   string `json:"source"`
			Location string `json:"source_location"`
		} `json:"storage_import"`
	}
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if d.kind != kindNormal {
		return nil, conflict("STORAGE_TYPE_ILLEGAL", "The storage %s is a %s; only a disk can be imported into.", d.uuid, d.kind)
	}
	if m := s.machines[d.server]; m != nil {
		if err := m.in(stateStopped); err != nil {
			return nil, err
		}
	}
	if err := d.idle(); err != nil {
		return nil, err
	}
	i := &storageImport{uuid: s.identity.uuid(idImport), source: r.Import.Source, storage: d, state: importPrepared, created: c.now}
	switch i.source {
	case sourceHTTP:
		u, err := url.Parse(r.Import.Location)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(r.Import.Location) > 2048 {
			return nil, bad("SOURCE_LOCATION_INVALID", "The source location must be a http or https URL.")
		}
		if s.fetching() >= maxFetches || s.ctx.Err() != nil {
			return nil, fail(http.StatusServiceUnavailable, "IMPORT_UNAVAILABLE", "The import service is busy; try again later.")
		}
		i.location = r.Import.Location
		i.begin()
		s.background.Add(1)
		go s.fetch(i)
	case sourceUpload:
		scheme := "http"
		if c.secure {
			scheme = "https"
		}
		i.upload = scheme + "://" + c.host + uploadPath + i.uuid
	default:
		return nil, bad("SOURCE_INVALID", "The import source %.40q is invalid.", i.source)
	}
	s.imports[d.uuid] = i
	return created(i.wire()), nil
}

// begin has the storage be in maintenance until finish.
func (i *storageImport) begin() {
	i.reading = true
	i.storage.generation++
	i.storage.state, i.storage.takes = stateMaintenance, 0
}

func (s *Server) fetching() int {
	n := 0
	for _, i := range s.imports {
		if i.reading {
			n++
		}
	}
	return n
}

func (s *Server) getImport(c *call) (*reply, error) {
	d, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	i := s.imports[d.uuid]
	if i == nil {
		return nil, fail(404, "STORAGE_IMPORT_NOT_FOUND", "There is no import of the storage %s.", d.uuid)
	}
	return ok(i.wire()), nil
}

// finish is the end of reading: the import is done once it has also taken its
// time, the storage online with it.
func (s *Server) finish(i *storageImport, sum *sums, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	i.reading = false
	if s.imports[i.storage.uuid] != i {
		return // the storage is gone, or another import was begun
	}
	takes := s.delay(s.identity.between(importLeast, importMost))
	end := i.created.Add(takes)
	if end.Before(now) {
		end, takes = now, 0
	}
	i.state = importPending
	generation := i.storage.generation
	plan := func(at time.Time, run func(at time.Time)) {
		s.agenda.plan(at, func(at time.Time) {
			if s.imports[i.storage.uuid] == i && i.storage.generation == generation {
				run(at)
			}
		})
	}
	plan(end.Add(-takes/2), func(time.Time) {
		i.state, i.contentType = importImporting, sum.contentType
		i.read, i.written, i.length = sum.read, sum.written, max(sum.length, 0)
	})
	plan(end, func(at time.Time) {
		i.storage.state, i.completed = stateOnline, at
		if err != nil {
			i.state, i.code, i.message = importFailed, "IMPORT_FAILED", err.Error()
			return
		}
		i.state, i.md5, i.sha256 = importCompleted, sum.md5Text(), sum.sha256Text()
	})
}
