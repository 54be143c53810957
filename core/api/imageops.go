package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
)

// foundImage is an image at its provider, asked now.
type foundImage struct {
	core.Image
	at *host.Provider
}

const noImages = "takes no images"

// ListImages implements [Broker].
func (m *Meson) ListImages(ctx context.Context, provider string) ([]ImageInfo, []core.Answer, error) {
	all, failures, err := m.images(ctx, provider)
	if err != nil {
		return nil, nil, err
	}
	list := make([]ImageInfo, len(all))
	for i, f := range all {
		list[i] = m.imageInfo(f.Image)
	}
	return list, failures, nil
}

func (m *Meson) imageInfo(i core.Image) ImageInfo {
	return ImageInfo{Image: i, Ours: i.Owner.Broker == m.Ledger.ID()}
}

// images are all that there are, or those of one provider.
func (m *Meson) images(ctx context.Context, provider string) ([]foundImage, []core.Answer, error) {
	providers, failures, err := m.serving(ctx, imagesService, provider, noImages)
	if err != nil {
		return nil, nil, err
	}
	all, more := each(ctx, listStorage, providers, func(ctx context.Context, p *host.Provider) ([]foundImage, error) {
		list, err := p.ListImages(ctx, "")
		all := make([]foundImage, len(list))
		for i, image := range list {
			all[i] = foundImage{image, p}
		}
		return all, err
	})
	return all, append(failures, more...), nil
}

// ImportImage implements [Broker].
func (m *Meson) ImportImage(ctx context.Context, req ImportImageRequest) (ImageInfo, error) {
	const op = "import image"
	if err := checkVolumeName(op, req.Name); err != nil {
		return ImageInfo{}, err
	}
	p, err := m.imageProvider(ctx, op, req.Provider)
	if err != nil {
		return ImageInfo{}, err
	}
	// The key is of the name, so that the same again finds what was begun, and what it
	// was asked with tells other bytes from it.
	where := strings.Join([]string{p.Name(), req.Zone, req.Name}, "\n")
	id := m.Ledger.Hash([]byte("image\n" + where))[:16]
	sum := strings.ToLower(req.SHA256)
	ask := core.ImageImport{
		Owner: m.owner(id, id+"-image", strings.Join([]string{where, req.URL, sum, req.OS.Family, req.OS.Flavour}, "\n")),
		Name:  req.Name, URL: req.URL, SHA256: sum, Zone: req.Zone, OS: req.OS,
	}
	subject := p.Name() + "/" + req.Name
	var made core.Image
	err = m.recorded(ctx, "image.import", fmt.Sprintf("%s, key %s", subject, ask.Owner.Key), func() error {
		for {
			var err error
			made, err = p.ImportImage(ctx, ask)
			switch {
			case err != nil || made.State == core.VolumeAvailable:
				return err
			case made.State != core.VolumeCreating:
				return &core.Error{
					Kind: core.Internal, Op: op, Subject: subject, Source: core.SourceProvider, Text: strings.TrimSpace(fmt.Sprintf("the image is %s: %s", made.State, made.Message)),
					Hint: "meson image rm " + p.Name() + "/" + made.ID,
				}
			}
			if req.Progress != nil {
				req.Progress(Progress{Name: req.Name, Step: "image." + made.Progress.Step, Text: made.Progress.Text, Percent: made.Progress.Percent})
			}
			if !sleep(ctx, imagePoll) {
				return &core.Error{Kind: core.Uncertain, Op: op, Subject: subject, Text: "it is still being fetched", Hint: "the same command again goes on"}
			}
		}
	})
	return m.imageInfo(made), err
}

// imageProvider is the one of a name, or the only one that takes images.
func (m *Meson) imageProvider(ctx context.Context, op, only string) (*host.Provider, error) {
	providers, failures, err := m.serving(ctx, imagesService, only, noImages)
	switch {
	case err != nil:
		return nil, err
	case len(providers) == 1:
		return providers[0], nil
	case len(providers) > 1:
		e := &core.Error{Kind: core.Invalid, Op: op, Text: fmt.Sprintf("%d providers take images", len(providers)), Hint: "say which: --provider NAME"}
		for _, p := range providers {
			e.Faults = append(e.Faults, core.Fault{Path: p.Name(), Text: "plugin " + p.Plugin()})
		}
		return nil, e
	case len(failures) > 0:
		return nil, unanswered("", "no provider that answers takes images", failures)
	}
	return nil, &core.Error{Kind: core.NoOffer, Op: op, Text: "no provider that is configured takes images", Hint: "meson plugin ls shows which plugins do: those that serve Images"}
}

// RemoveImage implements [Broker].
func (m *Meson) RemoveImage(ctx context.Context, name string, dryRun bool) (ImageInfo, error) {
	f, err := m.image(ctx, name)
	if err != nil || dryRun {
		return m.imageInfo(f.Image), err
	}
	err = m.recorded(ctx, "image.remove", f.Provider+"/"+f.ID, func() error { return f.at.DeleteImage(ctx, core.ImageRef{ID: f.ID}) })
	if err == nil {
		f.State = core.VolumeGone
	}
	return m.imageInfo(f.Image), err
}

// image is the one that a person names; see Images.
func (m *Meson) image(ctx context.Context, name string) (foundImage, error) {
	subject := "image " + name
	provider, id, named := strings.Cut(name, "/")
	if !named {
		provider, id = "", name
	}
	if id == "" || named && provider == "" {
		return foundImage{}, &core.Error{Kind: core.Invalid, Subject: subject, Text: "want an id or a name, or PROVIDER/IMAGE"}
	}
	all, failures, err := m.images(ctx, provider)
	if err != nil {
		return foundImage{}, err
	}
	matches := filter(all, func(f foundImage) bool { return f.ID == id })
	if len(matches) == 0 {
		matches = filter(all, func(f foundImage) bool { return f.Name == id })
	}
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		e := &core.Error{Kind: core.Invalid, Subject: subject, Text: fmt.Sprintf("%d images are called so", len(matches)), Hint: "say the id, or PROVIDER/IMAGE"}
		for _, f := range matches[:min(len(matches), 10)] {
			e.Faults = append(e.Faults, core.Fault{Path: f.Provider + "/" + f.ID, Text: f.Name})
		}
		return foundImage{}, e
	case len(failures) > 0:
		return foundImage{}, unanswered(subject, "no provider that answers has it", failures)
	}
	return foundImage{}, &core.Error{Kind: core.NotFound, Subject: subject, Text: "not found", Hint: "meson image ls"}
}

// unanswered is the error of what may be at a provider that does not answer.
func unanswered(subject, text string, failures []core.Answer) error {
	e := &core.Error{Kind: core.Unavailable, Subject: subject, Text: text}
	for _, f := range failures {
		e.Faults = append(e.Faults, core.Fault{Path: f.Provider, Text: f.Err.Error()})
	}
	return e
}
