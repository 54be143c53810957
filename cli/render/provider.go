package render

import (
	"encoding/json"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Provider is a configured provider as programs read it. Settings hold no
// secrets; of those, the paths of their files are shown.
type Provider struct {
	Name        string            `json:"name"`
	Plugin      string            `json:"plugin"`
	Settings    json.RawMessage   `json:"settings"`
	SecretFiles map[string]string `json:"secret_files,omitempty"`
	Connect     string            `json:"connect,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	Description *Description      `json:"description,omitempty"`
	Error       *core.Error       `json:"error,omitempty"`
}

// NewProvider is the document of a provider; settings is one JSON object, or
// nothing.
func NewProvider(c core.ProviderConfig, settings string, d *core.Description, e *core.Error) Provider {
	return Provider{
		Name: c.Name, Plugin: c.Plugin, Settings: object(settings), SecretFiles: c.SecretFiles, Connect: c.Connect,
		CreatedAt: c.CreatedAt.UTC(), Description: newDescription(d), Error: e,
	}
}

// Plugin is a plugin that was found, or why a file is none.
type Plugin struct {
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	Description *Description `json:"description,omitempty"`
	Error       string       `json:"error,omitempty"`
}

// NewPlugin is the document of a plugin.
func NewPlugin(name, path string, d *core.Description, fault string) Plugin {
	return Plugin{Name: name, Path: path, Description: newDescription(d), Error: fault}
}

// Description is what a plugin says of itself, its schema as JSON.
type Description struct {
	Name          string          `json:"name"`
	Version       string          `json:"version"`
	SDKVersion    string          `json:"sdk_version"`
	Summary       string          `json:"summary"`
	Services      []string        `json:"services"`
	LiveInventory bool            `json:"live_inventory"`
	ConfigSchema  json.RawMessage `json:"config_schema"`
}

func newDescription(d *core.Description) *Description {
	if d == nil {
		return nil
	}
	return &Description{
		Name: d.Name, Version: d.Version, SDKVersion: d.SDKVersion, Summary: d.Summary,
		Services: list(d.Services), LiveInventory: d.LiveInventory, ConfigSchema: object(d.ConfigSchema),
	}
}

// object is text as raw JSON; {} where a plugin sent something else.
func object(text string) json.RawMessage {
	if text == "" || !json.Valid([]byte(text)) {
		return json.RawMessage("{}")
	}
	return json.RawMessage(text)
}
