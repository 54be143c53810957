package upcloud

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// wireStorage is a storage in a list.
type wireStorage struct {
	Access       string  `json:"access"`
	Created      string  `json:"created"`
	Encrypted    string  `json:"encrypted"`
	Labels       []label `json:"labels"`
	License      int     `json:"license"`
	Origin       string  `json:"origin,omitempty"`
	PartOfPlan   string  `json:"part_of_plan,omitempty"`
	Progress     string  `json:"progress,omitempty"`
	Size         int     `json:"size"`
	State        string  `json:"state"`
	TemplateType string  `json:"template_type,omitempty"`
	Tier         string  `json:"tier,omitempty"`
	Title        string  `json:"title"`
	Type         string  `json:"type"`
	UUID         string  `json:"uuid"`
	Zone         string  `json:"zone,omitempty"`
}

// wireStorageDetails is a storage by itself. Only a disk has a rule and backups.
type wireStorageDetails struct {
	wireStorage
	BackupRule *backupRule  `json:"backup_rule,omitempty"`
	Backups    *wireBackups `json:"backups,omitempty"`
	Servers    wireServerOf `json:"servers"`
}

type wireBackups struct {
	Backup []string `json:"backup"`
}

type wireServerOf struct {
	Server []string `json:"server"`
}

func (d *storage) wire(now time.Time) wireStorage {
	w := wireStorage{
		Access: "private", Created: stamp(d.created), Encrypted: yesNo(d.encrypted), Labels: slices.Clone(d.labels), Origin: d.origin, Size: d.gib,
		State: d.state, TemplateType: d.templateType, Tier: d.tier, Title: d.title, Type: d.kind, UUID: d.uuid, Zone: d.zone,
	}
	if d.public {
		w.Access, w.Labels = "public", nil
	}
	if w.Labels == nil {
		w.Labels = []label{}
	}
	if d.partOfPlan {
		w.PartOfPlan = "yes"
	}
	if d.state == stateMaintenance && d.kind != kindTemplate {
		w.Progress = decimal(d.progress(now))
	}
	return w
}

func (s *Server) storageDetails(d *storage, now time.Time) any {
	return map[string]any{"storage": s.storageWire(d, now)}
}

func (s *Server) storageWire(d *storage, now time.Time) wireStorageDetails {
	w := wireStorageDetails{wireStorage: d.wire(now), Servers: wireServerOf{[]string{}}}
	if d.server != "" {
		w.Servers.Server = append(w.Servers.Server, d.server)
	}
	if d.kind == kindNormal {
		w.BackupRule = &backupRule{}
		if d.rule != nil {
			w.BackupRule = d.rule
		}
		w.Backups = &wireBackups{[]string{}}
		for _, b := range s.backupsOf(d.uuid) {
			w.Backups.Backup = append(w.Backups.Backup, b.uuid)
		}
	}
	return w
}

// backupsOf are the backups of a storage, the oldest first.
func (s *Server) backupsOf(uuid string) []*storage {
	var all []*storage
	for _, d := range s.storages {
		if d.kind == kindBackup && d.origin == uuid {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *storage) int {
		if !a.created.Equal(b.created) {
			return a.created.Compare(b.created)
		}
		return strings.Compare(a.uuid, b.uuid)
	})
	return all
}

// storageLists are the paths that list some storages: by access, by type, both.
func storageLists() []string {
	access, kinds := []string{"public", "private"}, []string{kindNormal, kindBackup, kindTemplate, kindCDROM}
	all := []string{"/storage/favorite"}
	for _, a := range access {
		all = append(all, "/storage/"+a)
		for _, k := range kinds {
			all = append(all, "/storage/"+a+"/"+k)
		}
	}
	for _, k := range kinds {
		all = append(all, "/storage/"+k)
	}
	return all
}

func (s *Server) listStorages(c *call) (*reply, error) {
	type list struct {
		Storages struct {
			Storage []wireStorage `json:"storage"`
		} `json:"storages"`
	}
	w := list{}
	w.Storages.Storage = []wireStorage{}
	for _, d := range s.storagesOf(strings.Split(strings.TrimPrefix(c.route.path, "/storage"), "/"), c.query) {
		w.Storages.Storage = append(w.Storages.Storage, d.wire(c.now))
	}
	return ok(w), nil
}

// storagesOf are the storages that all of the words and labels are true of, in
// the order of their UUIDs.
func (s *Server) storagesOf(words []string, query url.Values) []*storage {
	var all []*storage
	for _, d := range s.storages {
		fits := labelled(d.labels, query)
		for _, word := range words {
			switch word {
			case "":
			case "public", "private":
				fits = fits && d.public == (word == "public")
			case "favorite":
				fits = false
			default:
				fits = fits && d.kind == word
			}
		}
		if fits {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *storage) int { return strings.Compare(a.uuid, b.uuid) })
	return all
}

func (s *Server) getStorage(c *call) (*reply, error) {
	d, err := s.needStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	return ok(s.storageDetails(d, c.now)), nil
}

// stamp is a time as storages have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
