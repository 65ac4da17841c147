/// What happens to a record that cannot be used: a line that is no JSON, a field of the wrong kind, no instruction.
package enum BadRecordPolicy: String, Sendable, Hashable, CaseIterable {
    /// Reading ends with an error that names file and line.
    case refuse
    /// The record is left out, counted, and the first ones are reported with line and reason.
    case skip
}
