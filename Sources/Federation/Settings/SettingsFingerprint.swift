import Basics
import Cryptography
package import SwarmFile

/// All that gives a run's numbers their meaning, key by key: what must be the same at every peer of a swarm, and what a
/// state must agree in with whoever goes on from it.
///
/// A value stands as the topology file has it where it is short, else as a digest, so that a difference can be told on
/// both sides and what is long or private never travels.
package struct SettingsFingerprint: Sendable, Hashable {
    /// A key with its value.
    package struct Entry: Sendable, Hashable {
        /// With its section: `model.lora.alpha`.
        package let key: String
        /// As the file has it, or a digest.
        package let value: String

        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = SettingsFingerprint.short(value)
        }

        /// An entry for what is only known by its digest.
        package init(_ key: String, digest: [UInt8]) {
            self.key = key
            value = "#" + Array(digest.prefix(6)).hexadecimal
        }

        fileprivate init(key: String, stored value: String) {
            self.key = key
            self.value = value
        }
    }

    /// A key whose values differ.
    package struct Difference: Sendable, Hashable {
        package let key: String
        /// The values; nil where a side does not have the key.
        package let here: String?
        package let there: String?
    }

    /// By key, ascending; a key stands once.
    package private(set) var entries: [Entry]

    /// Of several entries with one key the last counts.
    package init(_ entries: [Entry] = []) {
        self.entries = []
        for entry in entries { set(entry) }
    }

    /// What all peers of `topology` must agree in; the digest of the base model stands for its path.
    package init(_ topology: SwarmTopology, baseModelDigest: [UInt8]) {
        self.init(topology.sharedSettings.map { Entry($0.key, $0.value) })
        set(Entry("model.base", digest: baseModelDigest))
    }

    /// Enters a value; one that the key had before is replaced.
    package mutating func set(_ entry: Entry) {
        let place = entries.firstIndex { !$0.key.utf8.lexicographicallyPrecedes(entry.key.utf8) } ?? entries.count
        if place < entries.count, entries[place].key == entry.key {
            entries[place] = entry
        } else {
            entries.insert(entry, at: place)
        }
    }

    /// The value of `key`.
    package subscript(key: String) -> String? { entries.first { $0.key == key }?.value }

    /// What differs from `other`; then what only `other` has.
    package func differences(from other: SettingsFingerprint) -> [Difference] {
        var differences: [Difference] = []
        for entry in entries where other[entry.key] != entry.value {
            differences.append(Difference(key: entry.key, here: entry.value, there: other[entry.key]))
        }
        for entry in other.entries where self[entry.key] == nil {
            differences.append(Difference(key: entry.key, here: nil, there: entry.value))
        }
        return differences
    }

    /// The digest of all entries, 16 bytes.
    package var digest: [UInt8] {
        Array(Digest.blake2b256(encoded, personalisation: "murmur-settings").prefix(16))
    }

    /// Bytes of a value that is written out; longer ones become digests.
    private static let valueLimit = 24

    private static func short(_ value: String) -> String {
        value.utf8.count <= valueLimit
            ? value
            : "#" + Array(Digest.blake2b256(Array(value.utf8), personalisation: "murmur-setting").prefix(6)).hexadecimal
    }
}

extension Sequence<SettingsFingerprint.Difference> {
    /// The differences in words: `model.lora.alpha: here 8, there 64`. Of many the first few.
    package func text(here: String = "here", there: String = "there") -> String {
        let all = map { "\($0.key): \(here) \($0.here ?? "none"), \(there) \($0.there ?? "none")" }
        return all.prefix(6).joined(separator: "; ") + (all.count > 6 ? "; and \(all.count - 6) more" : "")
    }
}

extension SettingsFingerprint {
    /// Bytes of keys and values, at most.
    private static let textLimit = 255
    /// Entries of a fingerprint, at most.
    private static let entryLimit = 255

    /// The entries one after the other: how many bytes the key has in common with the one before (1), how many more it has
    /// (1), those, how many bytes the value has (1), those.
    private static func append(_ entry: Entry, after key: [UInt8], to bytes: inout [UInt8]) -> [UInt8] {
        let own = Array(entry.key.utf8.prefix(textLimit))
        let value = Array(entry.value.utf8.prefix(textLimit))
        let common = zip(own, key).prefix { $0 == $1 }.count
        bytes += [UInt8(common), UInt8(own.count - common)] + own[common...] + [UInt8(value.count)] + value
        return own
    }

    /// All entries, for a checkpoint.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        var key: [UInt8] = []
        for entry in entries { key = Self.append(entry, after: key, to: &bytes) }
        return bytes
    }

    /// The fingerprint that `bytes` hold; nil for anything else.
    package init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        entries = []
        var key: [UInt8] = []
        while !reader.isAtEnd {
            guard entries.count < Self.entryLimit, let common = reader.byte(), Int(common) <= key.count,
                let rest = reader.byte(), Int(common) + Int(rest) <= Self.textLimit,
                let more = reader.bytes(count: Int(rest)), let length = reader.byte(),
                let value = reader.bytes(count: Int(length)).flatMap({ String(validating: $0, as: UTF8.self) })
            else { return nil }
            key = key.prefix(Int(common)) + more
            guard let text = String(validating: key, as: UTF8.self), Self.isPlain(text), Self.isPlain(value) else {
                return nil
            }
            // Strictly ascending, so that equal settings have equal bytes and no key stands twice.
            guard entries.last.map({ $0.key.utf8.lexicographicallyPrecedes(text.utf8) }) ?? true else { return nil }
            entries.append(Entry(key: text, stored: value))
        }
    }

    /// Whether a text that somebody else has made can be shown as it is.
    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    }
}

/// What a peer tells a neighbour of its settings once a session stands: the body of a MESSAGE (docs/protocol.md).
///
/// The kind (1), the version (1), the digest of all entries (16), then as many entries as there is room for.
package struct SettingsMessage: Sendable, Hashable {
    /// The first byte of the message; others are not about settings.
    package static let kind: UInt8 = 1
    private static let version: UInt8 = 1

    package let digest: [UInt8]
    package let entries: SettingsFingerprint

    /// The message of one whose settings are `settings`, at most `limit` bytes.
    package static func encoded(_ settings: SettingsFingerprint, limit: Int) -> [UInt8] {
        let head = [kind, version] + settings.digest
        var count = settings.entries.count
        while true {
            let entries = SettingsFingerprint(Array(settings.entries.prefix(count))).encoded
            if head.count + entries.count <= limit || count == 0 { return head + entries }
            count -= 1
        }
    }

    /// The message that `bytes` hold; nil for one that is about something else, of another version, or malformed.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count >= 18, bytes[0] == Self.kind, bytes[1] == Self.version,
            let entries = SettingsFingerprint(encoded: Array(bytes[18...]))
        else { return nil }
        digest = Array(bytes[2..<18])
        self.entries = entries
    }

    /// In words what it says that `settings` do not; nil where they are the same.
    package func difference(from settings: SettingsFingerprint) -> String? {
        guard digest != settings.digest else { return nil }
        let known = Set(entries.entries.map(\.key))
        let listed = SettingsFingerprint(settings.entries.filter { known.contains($0.key) })
        let differences = listed.differences(from: entries)
        // What there was no room for is in the digest alone.
        if differences.isEmpty {
            let missing = settings.entries.map(\.key).filter { !known.contains($0) }
            return missing.isEmpty
                ? "in keys that this peer does not have" : "in one of \(missing.joined(separator: ", "))"
        }
        return differences.text()
    }
}
