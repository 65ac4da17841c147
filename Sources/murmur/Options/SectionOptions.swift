import ArgumentParser
import SwarmFile

/// Which keys of a topology's section a command takes as options.
protocol OptionKeys {
    associatedtype Section: KeyedSection
    static var keys: [SectionKey<Section>] { get }
}

/// Keys of a topology's section as options of a command: `--learning-rate` for `learning-rate:`, with the file's default
/// and the file's check.
struct SectionOptions<Keys: OptionKeys>: ParsableArguments, CustomReflectable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// What the command line gives, in the order of the keys; nil for a key that it does not give.
    private var given: [String?] = []

    init() {}

    /// The parser finds the options of a type in its mirror. Here they are not the type's properties but the keys.
    var customMirror: Mirror {
        Mirror(self, children: Keys.keys.map { (label: $0.name, value: Self.option($0.description)) as Mirror.Child })
    }

    private static func option(_ key: KeyDescription) -> Any {
        let name = NameSpecification.customLong(key.name)
        var help = key.help.replacing("`", with: "")
        if case .flag = key.argument { return Flag<Bool>(wrappedValue: false, name: name, help: ArgumentHelp(help)) }
        help += " (\(key.values); default: \(key.fallback.text))"
        return Option<String?>(name: name, help: ArgumentHelp(help))
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Name.self)
        given = try Keys.keys.map { key in
            let name = Name(stringValue: key.name)
            guard case .flag = key.description.argument else {
                return try values.decode(Option<String?>.self, forKey: name).wrappedValue
            }
            return try values.decode(Flag<Bool>.self, forKey: name).wrappedValue ? "true" : nil
        }
    }

    func validate() throws {
        do { _ = try applied(to: .defaults) } catch { throw ValidationError("\(error)") }
    }

    /// `section` with what the command line gives.
    func applied(to section: Keys.Section) throws -> Keys.Section {
        var section = section
        for (key, text) in zip(Keys.keys, given) {
            if let text { try key.read(argument: text, into: &section) } else { key.complete(&section) }
        }
        for (key, text) in zip(Keys.keys, given) {
            if let text { try key.check(argument: text, in: section) }
        }
        return section
    }
}
