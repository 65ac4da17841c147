import Foundation
import LanguageModel
import LinearAlgebra

/// Measures the engine, one case a process so that memory can be told apart; prints a JSON object. `scripts/bench-engine`
/// runs it beside PyTorch and PEFT and makes the table.
@main struct EngineBench {
    static func main() async {
        do {
            let arguments = try BenchArguments(Array(CommandLine.arguments.dropFirst()))
            let result =
                switch arguments.kind {
                case .train: try await TrainingCase(arguments).run()
                case .dolly: try await DollyCase(arguments).run()
                case .generate: try await GenerationCase(arguments).run()
                case .peers: try await PeersCase(arguments).run()
                }
            let sorted = result.sorted { $0.key < $1.key }
            print("{" + sorted.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}")
        } catch {
            FileHandle.standardError.write(Data("EngineBench: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// What to measure: `KIND [--name value]…`.
struct BenchArguments {
    /// The kinds of cases.
    enum Kind: String {
        /// Training steps on random tokens of which all carry loss.
        case train
        /// Training steps on the records of a file.
        case dolly
        /// Greedy generation.
        case generate
        /// Several peers in one process.
        case peers
    }

    /// A wrong command line.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let kind: Kind
    private let values: [String: String]

    init(_ words: [String]) throws {
        guard let first = words.first, let kind = Kind(rawValue: first), !words.count.isMultiple(of: 2) else {
            throw Failure(description: "usage: EngineBench train|dolly|generate|peers [--name value]…")
        }
        self.kind = kind
        var values: [String: String] = [:]
        for index in stride(from: 1, to: words.count, by: 2) {
            guard words[index].hasPrefix("--") else {
                throw Failure(description: "\(words[index]) is no option")
            }
            values[String(words[index].dropFirst(2))] = words[index + 1]
        }
        self.values = values
    }

    /// The value of an option, or `usual` where it is not given.
    func text(_ name: String, _ usual: String) -> String { values[name] ?? usual }

    /// The same as a whole number.
    func number(_ name: String, _ usual: Int) throws -> Int {
        guard let text = values[name] else { return usual }
        guard let number = Int(text), number > 0 else { throw Failure(description: "--\(name) \(text) is no count") }
        return number
    }

    /// `--precision`, `--threads`, `--pass` and `--memory` as the engine's options.
    func options() throws -> EngineOptions {
        let name = text("precision", "fp32")
        guard let precision = name == "auto" ? .fastest : ProductPrecision(rawValue: name) else {
            throw Failure(description: "--precision \(name): known are fp32, bf16, auto")
        }
        return EngineOptions(
            precision: precision, threads: try number("threads", 2),
            passTokens: values["pass"] == nil ? nil : try number("pass", 256),
            savesMemory: text("memory", "usual") == "low")
    }

    /// `--weights`: how the base model's weights are kept.
    func storage() throws -> WeightStorage {
        let name = text("weights", "fp32")
        guard let storage = WeightStorage(rawValue: name) else {
            let known = WeightStorage.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(description: "--weights \(name): known are \(known)")
        }
        return storage
    }

    /// The model's shape.
    func shape() throws -> BenchShape {
        let name = text("shape", "small")
        guard let shape = BenchShape(rawValue: name) else {
            throw Failure(description: "--shape \(name): known are smollm135, small, tinyllama")
        }
        return shape
    }
}
