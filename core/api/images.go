package api

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
)

// ImageInfo is an image as its provider sees it now.
type ImageInfo struct {
	core.Image
	// Ours means that this ledger imported it.
	Ours bool
}

// ImportImageRequest has a provider fetch an image.
type ImportImageRequest struct {
	// Name is [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?.
	Name string
	// URL is one, or a file of the storage server; SHA256, if set, is checked.
	URL    string
	SHA256 string
	OS     core.OS
	// Provider may be empty where one alone takes images.
	Provider string
	Zone     string
	Progress func(Progress)
}

// Images is the part of a Broker that is about what volumes can be made from. An
// image is named by its id, its name, or PROVIDER/IMAGE: NotFound where none is,
// Invalid where several are, Unavailable where none is among those of the
// providers that answer and others do not.
type Images interface {
	// ListImages are those of every provider that takes images, asked now, or of one
	// by name; failures are of those that do not answer.
	ListImages(ctx context.Context, provider string) (list []ImageInfo, failures []core.Answer, err error)
	// ImportImage returns when the image can be used. The same again gives the same
	// image; other bytes under its name are a Conflict. Uncertain where ctx ended
	// before that: the same again goes on.
	ImportImage(ctx context.Context, req ImportImageRequest) (ImageInfo, error)
	// RemoveImage removes one; volumes that were made from it stay as they are. A
	// dry run only finds it.
	RemoveImage(ctx context.Context, name string, dryRun bool) (ImageInfo, error)
}

// imagePoll is how often it is asked again for an image that is being fetched.
const imagePoll = time.Second
