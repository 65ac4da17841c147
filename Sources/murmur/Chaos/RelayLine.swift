import Foundation

/// One line of the relay's statistics: what passed a directed link so far.
struct RelayLine: Encodable {
    let time: Double
    let from: String
    let to: String
    let taken: Int
    let takenBytes: Int
    let delivered: Int
    let deliveredBytes: Int
    let dropped: Int
    let duplicated: Int
    let overflowed: Int
    let strangers: Int

    /// A line for each link whose figures differ from those in `earlier`, which is brought up to date.
    static func news(
        of links: [FaultRelay.Link], names: [String], seconds: Double, since earlier: inout [FaultRelay.Traffic]
    ) throws -> [Data] {
        if earlier.count != links.count { earlier = links.map { _ in FaultRelay.Traffic() } }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var lines: [Data] = []
        for (index, link) in links.enumerated() where link.traffic != earlier[index] {
            earlier[index] = link.traffic
            let traffic = link.traffic
            let line = RelayLine(
                time: (seconds * 1000).rounded() / 1000, from: names[link.from], to: names[link.to],
                taken: traffic.taken, takenBytes: traffic.takenBytes, delivered: traffic.delivered,
                deliveredBytes: traffic.deliveredBytes, dropped: traffic.dropped, duplicated: traffic.duplicated,
                overflowed: traffic.overflowed, strangers: traffic.strangers)
            lines.append(try encoder.encode(line))
        }
        return lines
    }
}
