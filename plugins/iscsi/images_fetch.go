package iscsi

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
)

// fetchImage makes an image aside, and gives it its name when it is on disk.
func (s *store) fetchImage(ctx context.Context, im *storedImage, opt image.ImportOptions) error {
	if err := s.vaults[0].vault.Present(); err != nil {
		return err
	}
	root := filepath.Join(s.vaults[0].vault.Root(), imagesDir)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return imageError("import image", root, err)
	}
	aside, err := os.MkdirTemp(root, imageNew)
	if err != nil {
		return imageError("import image", root, err)
	}
	defer func() { _ = os.RemoveAll(aside) }()
	// The folder's lock says that its maker is alive; see sweepImages.
	lock, err := lockDir(aside)
	if err != nil {
		return err
	}
	defer lock.Close()
	l, err := s.images.Import(ctx, aside, opt)
	if err != nil {
		return err
	}
	im.SizeBytes, im.dir = l.SizeBytes, filepath.Join(root, im.ID)
	text, err := json.Marshal(im)
	if err == nil {
		err = errors.Join(
			os.Chmod(filepath.Join(aside, image.DataFile), 0o400),
			os.Link(filepath.Join(aside, image.DataFile), filepath.Join(aside, "snap-"+im.layer()+".img")),
			writeSynced(filepath.Join(aside, imageFile), text),
			syncDir(aside))
	}
	if err == nil {
		err = errors.Join(os.Rename(aside, im.dir), syncDir(root))
	}
	if err != nil {
		return imageError("import image", im.dir, err)
	}
	return nil
}
