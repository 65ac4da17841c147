import InstructionTuning
import SwarmFile
import Testing

@Suite("Learning rate") struct LearningRateScheduleTests {
    @Test("The warm-up rises to the full rate")
    func warmup() {
        for schedule in SwarmTopology.Tuning.Schedule.allCases {
            let factors = (0..<5).map { schedule.factor(step: $0, totalSteps: 100, warmup: 4) }
            #expect(factors == [0.25, 0.5, 0.75, 1, 1])
        }
    }

    @Test("Constant stays, linear and cosine fall over the whole run and stay positive")
    func decay() {
        #expect(SwarmTopology.Tuning.Schedule.constant.factor(step: 9, totalSteps: 10, warmup: 0) == 1)
        let linear = (0..<10).map { SwarmTopology.Tuning.Schedule.linear.factor(step: $0, totalSteps: 10, warmup: 0) }
        for (step, factor) in linear.enumerated() { #expect(abs(factor - (1 - Double(step) / 10)) < 1e-12) }
        let cosine = (0..<10).map { SwarmTopology.Tuning.Schedule.cosine.factor(step: $0, totalSteps: 10, warmup: 0) }
        #expect(cosine[0] == 1 && abs(cosine[5] - 0.5) < 1e-12)
        #expect(zip(cosine, cosine.dropFirst()).allSatisfy { $0 > $1 })
        #expect((cosine.last ?? 0) > 0)
        #expect(
            SwarmTopology.Tuning.Schedule.linear.factor(step: 50, totalSteps: 10, warmup: 0)
                == SwarmTopology.Tuning.Schedule.linear.factor(step: 9, totalSteps: 10, warmup: 0))
    }

    @Test("Settings out of range are told by name")
    func settings() throws {
        #expect(SwarmTopology.Tuning().fault == nil)
        var settings = SwarmTopology.Tuning()
        settings.learningRate = .nan
        #expect(try #require(settings.fault).contains("learning-rate"))
        settings = SwarmTopology.Tuning()
        settings.batch = 0
        #expect(try #require(settings.fault).contains("batch"))
        #expect(SwarmTopology.Tuning().totalSteps == 200)
    }
}
