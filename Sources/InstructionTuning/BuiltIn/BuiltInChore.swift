/// The tasks that the built-in chores set, each with one exact answer. The names of categories and tasks are those of
/// `chores.json`.
enum BuiltInChore: String, CaseIterable, Sendable {
    case sum = "arithmetic.sum"
    case difference = "arithmetic.difference"
    case classification = "classification.kind"
    case larger = "comparison.larger"
    case smaller = "comparison.smaller"
    case completion = "completion.next"
    case counting = "counting.words"
    case findAnimal = "extraction.animal"
    case findColour = "extraction.colour"
    case findPerson = "extraction.person"
    case findPlace = "extraction.place"
    case thingOfOwner = "lookup.thing"
    case ownerOfThing = "lookup.owner"
    case reversing = "reversing.words"
    case past = "rewriting.past"
    case opposite = "rewriting.opposite"
    case sorting = "sorting.ascending"

    /// The category, for example `arithmetic`.
    var category: String { String(rawValue.prefix { $0 != "." }) }

    /// The task within the category, for example `sum`.
    var task: String { String(rawValue.drop { $0 != "." }.dropFirst()) }
}
