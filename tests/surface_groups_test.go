package tests

// surfaceGroups are all cases; each group has twins of its own.
var surfaceGroups = []struct {
	name  string
	cases []surfaceCase
}{
	{"chain", surfaceChain}, {"find", surfaceFind}, {"write", surfaceWrite}, {"relations", surfaceRelations}, {"associations", surfaceAssociations}, {"session", surfaceSession}, {"generics", surfaceGenerics}, {"generic finishers", surfaceGenericFinishers},
}
