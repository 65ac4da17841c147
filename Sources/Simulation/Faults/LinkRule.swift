/// Conditions that certain links have for some time.
struct LinkRule: Sendable, Hashable {
    /// Which links.
    enum Shape: Sendable, Hashable {
        /// From one of the first to one of the second; if mutual, also back.
        case between([Bool], [Bool], isMutual: Bool)
        /// Between peers of different groups.
        case across([Int])
        /// Between peers of different groups, of which group zero reaches everyone.
        case bridged([Int])
    }

    var from: Duration
    var until: Duration
    var shape: Shape
    var conditions: LinkConditions

    /// Whether the link from the peer `from` to the peer `to` is one of them.
    func matches(from: Int, to: Int) -> Bool {
        switch shape {
        case .between(let first, let second, let isMutual):
            first[from] && second[to] || isMutual && first[to] && second[from]
        case .across(let groups): groups[from] != groups[to]
        case .bridged(let groups): groups[from] != groups[to] && groups[from] != 0 && groups[to] != 0
        }
    }
}
