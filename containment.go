package dtde

import "github.com/go-dtde/dtde/config"

type (
	// Containment is what a child's periods have to do with its parent's.
	Containment = config.Containment
	// ContainmentRule is a rule of Config.Contains; make it by Contains.
	ContainmentRule = config.ContainmentRule
)

// The containments.
const (
	ChildWithinParent = config.ChildWithinParent
	ExactMatch        = config.ExactMatch
)

// Contains is a rule of Config.Contains: the periods of a temporal child lie in the union
// of the periods of its parent's versions.
//
//	dtde.Contains[Contract, Line]("ContractNumber", dtde.ChildWithinParent)
//
// foreignKey is the child's field that holds the parent's entity key (several with commas,
// in that key's order), or the name of the relation between the two on either side: has
// one, has many, belongs to or many to many. A child that refers to nobody (NULL) is free.
//
// The rule is checked at the end of the transaction, before its COMMIT, so that parents
// and children may change in any order; breaking it rolls back with a *ValidityError of
// ErrUncovered or ErrUnmatched. Parents can't be ended before their children, unless the rule
// is Cascading(): then children are cut to what is left. What a rule needs to see is
// locked, so it holds beside other writers too; SQL text (Exec) is not looked at.
func Contains[Parent, Child any](foreignKey string, mode Containment) ContainmentRule {
	return ContainmentRule{Parent: new(Parent), Child: new(Child), ForeignKey: foreignKey, Mode: mode}
}
