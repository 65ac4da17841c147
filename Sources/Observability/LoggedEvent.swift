package import Foundation

/// One line of `events.jsonl`: an event of a peer in a form that programs and people can read.
///
/// Every line has `time`, `peer` and `event`; the other fields are there where they mean something for that event.
package struct LoggedEvent: Codable, Sendable, Equatable {
    /// Seconds since 1970, by the peer's wall clock.
    package var time: Double
    /// The peer's name.
    package var peer: String
    /// The kind of event, for example `trained`, `mixed`, `finished`.
    package var event: String
    /// The round it belongs to.
    package var round: Int?
    /// Mean negative log-likelihood of a round's local steps, nats per token that carried loss.
    package var loss: Double?
    /// Tokens that carried loss.
    package var tokens: Int?
    /// Records used.
    package var records: Int?
    /// The neighbour concerned, by name.
    package var neighbour: String?
    /// Neighbours whose contribution was mixed.
    package var present: Int?
    /// Neighbours whose contribution was missing.
    package var absent: Int?
    /// Largest relative distance to a neighbour's delta.
    package var disagreement: Double?
    /// The bound that `disagreement` is compared with.
    package var bound: Double?
    /// How long it took, in seconds.
    package var seconds: Double?
    /// Size of a payload.
    package var bytes: Int?
    /// Tensors of a contribution.
    package var tensors: Int?
    /// Euclidean norm of a contribution.
    package var norm: Double?
    /// The digest that names a contribution.
    package var digest: String?
    /// Bytes sent so far, datagram payloads.
    package var bytesSent: Int?
    /// Bytes received so far, datagram payloads.
    package var bytesReceived: Int?
    /// Datagrams sent so far.
    package var datagramsSent: Int?
    /// Datagrams received so far.
    package var datagramsReceived: Int?
    /// Why, in words.
    package var reason: String?

    package init(time: Double, peer: String, event: String) {
        self.time = time
        self.peer = peer
        self.event = event
    }

    /// The line, without its end.
    package func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(self)
    }

    /// The event that a line holds; nil where it is not one (a torn last line, another program's output).
    package init?(line: some DataProtocol) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let event = try? decoder.decode(LoggedEvent.self, from: Data(line)) else { return nil }
        self = event
    }

    /// The events of a file, in order; lines that are none are left out.
    package static func read(_ url: URL) throws -> [LoggedEvent] {
        let data = try Data(contentsOf: url)
        return data.split(separator: UInt8(ascii: "\n")).compactMap { LoggedEvent(line: $0) }
    }
}
