package callbacks

import (
	"database/sql/driver"
	"errors"
	"io"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// shardSource is one shard's rows; what fails while they are read names the shard.
type shardSource struct {
	merge.Source
	plan  *planner.Plan
	shard *config.Shard
	// rows, if somebody counts, is the shard's entry in a report.
	rows *int64
}

// Next reads a row.
func (s *shardSource) Next(dest []driver.Value) error {
	err := s.Source.Next(dest)
	if err == nil {
		if s.rows != nil {
			*s.rows++
		}
		return nil
	}
	if err == io.EOF {
		return err
	}
	return shardFailure(s.plan, s.shard, err)
}

// ColumnTypes are the shard's own.
func (s *shardSource) ColumnTypes() []merge.ColumnType {
	if typed, ok := s.Source.(merge.TypedSource); ok {
		return typed.ColumnTypes()
	}
	return nil
}

// shardFailure names the shard that a read failed on, once.
func shardFailure(p *planner.Plan, shard *config.Shard, err error) error {
	var named *config.ShardError
	if err == nil || errors.As(err, &named) {
		return err
	}
	return &config.ShardError{Entity: p.Entity, Shard: shard.ID, Operation: p.Operation.String(), Cause: youngError(p.Entity, mergeError(err))}
}
