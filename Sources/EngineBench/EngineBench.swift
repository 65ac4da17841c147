import Foundation

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
