package core

import (
	"encoding/json"
	"fmt"
)

// MarshalJSON writes the flat encoding of a spec, complete: every default is
// filled in, the clock is in GHz as an exact decimal, absent lists are empty
// ones, and secrets are [redacted].
func (p Pledge) MarshalJSON() ([]byte, error) {
	p.Archs, p.Flags = listed(p.Archs), listed(p.Flags)
	p.PCI, p.Volumes, p.Networks = listed(p.PCI), listed(p.Volumes), listed(p.Networks)
	return json.Marshal(struct {
		*barePledge
		MinFrequency thousandths `json:"min_frequency"`
	}{(*barePledge)(&p), thousandths(p.MinFrequencyMHz)})
}

// UnmarshalJSON reads what MarshalJSON wrote, for programs that keep pledges;
// it checks no bounds. What a person wrote is read by core/spec. Keys that are
// absent leave their fields as they are.
func (p *Pledge) UnmarshalJSON(data []byte) error {
	flat := struct {
		*barePledge
		MinFrequency thousandths `json:"min_frequency"`
	}{(*barePledge)(p), thousandths(p.MinFrequencyMHz)}
	if err := json.Unmarshal(data, &flat); err != nil {
		return fmt.Errorf("read pledge: %w", err)
	}
	p.MinFrequencyMHz = int(flat.MinFrequency)
	return nil
}

// barePledge is Pledge without its methods, so that they do not call themselves.
type barePledge Pledge

// MarshalJSON writes {"vid":…}, or the volume to be made with its size in GiB
// as an exact decimal, a multiple of 0.125.
func (v VolumeRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		*bareVolume
		Size mebibytes `json:"size_gib,omitzero"`
	}{(*bareVolume)(&v), mebibytes(v.SizeMiB)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *VolumeRequest) UnmarshalJSON(data []byte) error {
	flat := struct {
		*bareVolume
		Size mebibytes `json:"size_gib,omitzero"`
	}{(*bareVolume)(v), mebibytes(v.SizeMiB)}
	if err := json.Unmarshal(data, &flat); err != nil {
		return fmt.Errorf("read volume request: %w", err)
	}
	v.SizeMiB = int64(flat.Size)
	return nil
}

// bareVolume is VolumeRequest without its methods.
type bareVolume VolumeRequest

// MarshalJSON writes one key as a string, several as a list, none not at all.
func (l Login) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		*bareLogin
		Keys sshKeys `json:"ssh-key,omitempty"`
	}{(*bareLogin)(&l), l.SSHKeys})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Login) UnmarshalJSON(data []byte) error {
	flat := struct {
		*bareLogin
		Keys sshKeys `json:"ssh-key,omitempty"`
	}{(*bareLogin)(l), l.SSHKeys}
	if err := json.Unmarshal(data, &flat); err != nil {
		return fmt.Errorf("read login: %w", err)
	}
	l.SSHKeys = flat.Keys
	return nil
}

// bareLogin is Login without its methods.
type bareLogin Login

// sshKeys is a string where there is one key.
type sshKeys []string

func (k sshKeys) MarshalJSON() ([]byte, error) {
	if len(k) == 1 {
		return json.Marshal(k[0])
	}
	return json.Marshal([]string(k))
}

func (k *sshKeys) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*k = nil
		if one != "" {
			*k = sshKeys{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(k))
}

func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
