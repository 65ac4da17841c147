import Foundation
import LanguageModel
import LinearAlgebra
import Storage
import TestSupport
import Testing

@Suite struct MemoryBudgetTests {
    @Test func theSystemsFilesAreUnderstood() {
        let limits = """
            Limit                     Soft Limit           Hard Limit           Units
            Max cpu time              unlimited            unlimited            seconds
            Max address space         1048576000           unlimited            bytes
            """
        let status = "Name:\tmurmur\nVmPeak:\t  500 kB\nVmSize:\t    1000 kB\n"
        #expect(
            MemoryBudget.addressSpace(limits: limits, status: status)?.available
                == 1_048_576_000 - 1_024_000 - MemoryBudget.reserve)
        #expect(
            MemoryBudget.addressSpace(limits: limits.replacing("1048576000  ", with: "unlimited   "), status: status)
                == nil)
        #expect(MemoryBudget.addressSpace(limits: nil, status: nil) == nil)
        let machine = MemoryBudget.machine("MemTotal: 9 kB\nMemAvailable:   7 kB\nSwapFree:  1 kB\n")
        #expect(machine?.available == 8192)
        #expect(MemoryBudget.machine("nonsense") == nil)
        #expect(MemoryBudget.ofThisProcess().available.map { $0 > 0 } ?? true)
    }

    @Test func aModelThatDoesNotFitIsRefusedWithItsNeed() throws {
        let folder = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/llama-grouped").path
        let little = MemoryBudget(available: 10_000, bound: "the process's limit (ulimit -v)")
        for storage in [nil, WeightStorage.float32, .bfloat16, .int8] {
            let error = #expect(throws: ModelError.self) {
                _ = try BaseModel.load(directory: folder, storage: storage, memory: little)
            }
            let text = error?.description ?? ""
            #expect(text.contains(folder) && text.contains("ulimit -v"), "\(text)")
            #expect(text.contains("--weights int8") == (storage != .int8), "\(text)")
        }
        _ = try BaseModel.load(directory: folder, memory: MemoryBudget(available: nil, bound: ""))
        _ = try BaseModel.load(directory: folder, memory: MemoryBudget(available: 1 << 30, bound: ""))
    }
}
