package core

// VolumePlace is a volume at one provider; the same volume may be at several.
type VolumePlace struct {
	Volume
	Plugin string
}

// OneVolume reports whether all places have one volume: vids of different makes,
// or made for different owners, are no more than alike.
func OneVolume(places []VolumePlace) bool {
	for i, a := range places {
		for _, b := range places[:i] {
			if a.ID != b.ID || a.Provider == b.Provider || a.Plugin != b.Plugin || a.Owner != b.Owner || a.Owner == (Owner{}) && a.Name != b.Name {
				return false
			}
		}
	}
	return true
}

// Newest are those of the places that have the highest epoch. Where one alone has,
// it was written there last, and is written nowhere else; where several have, none
// of them says who writes.
func Newest(places []VolumePlace) []VolumePlace {
	var newest []VolumePlace
	for _, p := range places {
		switch {
		case len(newest) == 0 || p.Epoch > newest[0].Epoch:
			newest = []VolumePlace{p}
		case p.Epoch == newest[0].Epoch:
			newest = append(newest, p)
		}
	}
	return newest
}
