namespace MappingNets.Experiments.TheoryAttack

open System
open TorchSharp

/// One bound and how it is attacked.
type Attack =
    {
        /// The bound, by its name in the library.
        Bound: string
        /// The stream of its scenes; equal streams have equal scenes.
        Stream: string
        /// What is measured over what it claims, in one line.
        Ratio: string
        /// How many trials share one scene.
        TrialsInScene: int
        /// A random scene (a mapping, a network, a model) as a function that makes one random trial: measured / bound. A bound that holds gives at most 1.
        Scene: Random -> Random -> float
    }

/// What many trials of one bound found.
type AttackResult =
    {
        Bound: string
        Ratio: string
        Trials: int
        /// The largest measured / bound; infinite where something was not a number.
        Worst: float
        Mean: float
        /// The scene of the largest, to make it again.
        WorstScene: int
        Seconds: float
    }

module Attack =

    /// Runs trials of one bound from a seed.
    let run seed trials (attack: Attack) =
        let clock = Diagnostics.Stopwatch.StartNew()
        let mutable worst, total, place, scene = 0.0, 0.0, 0, 0
        let mutable ran = 0

        while ran < trials do
            use _ = torch.NewDisposeScope()
            // Equal for equal names, whatever else runs.
            let ownSeed =
                Seq.fold (fun hash (letter: char) -> hash * 31 + int letter) seed attack.Stream

            let random = Random(ownSeed + scene)
            let trial = attack.Scene random

            for _ in 1 .. min attack.TrialsInScene (trials - ran) do
                use _ = torch.NewDisposeScope()

                let ratio =
                    match trial random with
                    | number when Double.IsNaN number -> infinity
                    | number -> number

                total <- total + ratio
                ran <- ran + 1

                if ratio > worst then
                    worst <- ratio
                    place <- scene

            scene <- scene + 1

        { Bound = attack.Bound
          Ratio = attack.Ratio
          Trials = ran
          Worst = worst
          Mean = total / float ran
          WorstScene = place
          Seconds = clock.Elapsed.TotalSeconds }
