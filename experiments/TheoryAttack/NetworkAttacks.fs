/// The constants of networks, attacked at the edge of the ball of weights and inputs.
module MappingNets.Experiments.TheoryAttack.NetworkAttacks

open System
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance
open MappingNets.Experiments.TheoryAttack.LayerNetworks

let private anyNetwork (random: Random) =
    scene random (pick random (single @ deep) |> snd)

/// An input, half of the time at the largest norm.
let private inputOf (random: Random) (scene: Scene) reach =
    direction random scene.InputCount |> scaled (reach * share random)

let private weights =
    { Bound = "NetworkLipschitz.weightLipschitz"
      Stream = "NetworkLipschitz.weightLipschitz"
      Ratio =
        "||df/dtheta|| / L at a point of the ball, and ||f(x; a) - f(x; b)|| / (L ||a - b||) along its top singular direction"
      TrialsInScene = 20
      Scene =
        fun random ->
            let scene = anyNetwork random
            let radius, reach = 0.4 * random.NextDouble(), 0.2 + 3.0 * random.NextDouble()

            let bound =
                (NetworkLipschitz.weightLipschitz scene.Description scene.Theta radius reach).Value

            fun random ->
                let x = inputOf random scene reach

                let point =
                    scene.Theta
                    + (direction random scene.Theta.shape[0] |> scaled (radius * share random))

                let struct (steepest, along) =
                    top (Differentiation.jacobian (fun theta -> scene.Output theta x) point)

                let length = 0.5 * radius
                let a = scene.Theta + along * length.ToScalar()
                let moved = norm (scene.Output a x - scene.Output scene.Theta x)
                let byPair = if length > 1e-3 then moved / length else 0.0
                max steepest byPair / bound }

let private inputs =
    { Bound = "NetworkLipschitz.inputLipschitzWithin"
      Stream = "NetworkLipschitz.inputLipschitzWithin"
      Ratio = "||df/dx|| / L at inputs up to the norm"
      TrialsInScene = 20
      Scene =
        fun random ->
            let scene = anyNetwork random
            let reach = 0.2 + 3.0 * random.NextDouble()

            let bound =
                (NetworkLipschitz.inputLipschitzWithin scene.Description scene.Theta reach).Value

            fun random ->
                let x = inputOf random scene reach

                let struct (steepest, _) =
                    top (Differentiation.jacobian (fun x -> scene.Output scene.Theta x) x)

                steepest / bound }

/// Networks whose rounding has a model.
let private modelled (random: Random) =
    let rec search () =
        let found = anyNetwork random

        if isNull (OutputShift.unmodelled found.Description.Layers) then
            found
        else
            search ()

    search ()

/// So many inputs as a batch.
let private batch (random: Random) (scene: Scene) count =
    (uniform random (int64 count * scene.InputCount))
        .view (Array.append [| int64 count |] (Seq.toArray scene.Target.InputShape))

let private outputs =
    { Bound = "OutputShift.outputs, exact arithmetic"
      Stream = "OutputShift.outputs, exact arithmetic"
      Ratio =
        "||f(x; theta') - f(x; theta)|| / bound, one or all tensors moved by known norms, along the gradient or at random"
      TrialsInScene = 20
      Scene =
        fun random ->
            let scene = modelled random
            let layout = scene.Target.Layout
            let steps = OutputShift.steps scene.Description scene.Theta
            let inputs = batch random scene 6

            let struct (shown, here) =
                scene.Chain.Shown(inputs, layout.Split scene.Theta, scene.State)

            fun random ->
                let sample = random.Next 6
                let x = inputs[int64 sample].flatten ()

                let all =
                    if random.Next 2 = 0 then
                        direction random scene.Theta.shape[0]
                    else
                        let struct (_, along) =
                            top (Differentiation.jacobian (fun theta -> scene.Output theta x) scene.Theta)

                        along

                let only = random.Next(-1, layout.Entries.Length)
                let size = 10.0 ** (-4.0 + 4.0 * random.NextDouble())

                let changes =
                    layout.Split all
                    |> Array.mapi (fun place change ->
                        if only < 0 then change * size.ToScalar()
                        elif only = place then change |> ofLength size
                        else torch.zeros_like change)

                let moved = changes |> Array.map (fun change -> norm change * (1.0 + 1e-12))
                let bound = OutputShift.outputs steps shown[sample] moved 0.0

                let distance =
                    norm (
                        scene.Output (scene.Theta + layout.Join changes) x
                        - here[int64 sample].flatten ()
                    )
                    - 1e-13 * (1.0 + norm here[int64 sample])

                if distance <= 0.0 then 0.0 else distance / bound }

let private rounded =
    { Bound = "OutputShift.outputs, rounding alone"
      Stream = "OutputShift.outputs, rounding alone"
      Ratio = "||f in single precision - f|| / bound at weights of single precision"
      TrialsInScene = 20
      Scene =
        fun random ->
            let scene = modelled random
            let layout = scene.Target.Layout
            let single = scene.Theta.to_type torch.float32
            let precise = single.to_type torch.float64
            let steps = OutputShift.steps scene.Description precise
            let state = scene.Target.CreateState()

            for kept, now in Seq.zip state.Tensors scene.State.Tensors do
                kept.copy_ now |> ignore
                now.copy_ kept |> ignore

            // The statistics are those of single precision, too.
            let mutable missing = ""

            let steps =
                match scene.Target.Chain(scene.State, &missing) with
                | null -> steps
                | chain -> OutputShift.steps chain.Description precise

            let still = Array.zeroCreate layout.Entries.Length

            fun random ->
                let inputs =
                    (batch random scene 1 |> scaled (10.0 * random.NextDouble())).to_type torch.float32

                let struct (shown, exact) =
                    scene.Chain.Shown(inputs.to_type torch.float64, layout.Split precise, scene.State)

                let computed =
                    (scene.Target.Forward(inputs, layout.Split single, state, false)).to_type torch.float64

                norm (computed - exact)
                / OutputShift.outputs steps shown[0] still TensorShift.unitRoundoff }

let private loss =
    { Bound = "theorem 1: L_l L_theta"
      Stream = "theorem 1: L_l L_theta"
      Ratio =
        "|L(a) - L(b)| / (sqrt 2 L_theta ||a - b||), L cross-entropy of one sample, a - b along the loss's gradient"
      TrialsInScene = 20
      Scene =
        fun random ->
            let scene = scene random (pick random deep |> snd)
            let radius, reach = 0.05 + 0.4 * random.NextDouble(), 3.0

            let slope =
                NetworkLipschitz.crossEntropy
                * (NetworkLipschitz.weightLipschitz scene.Description scene.Theta radius reach).Value

            fun random ->
                let x = inputOf random scene reach
                let label = int64 (random.Next 3)

                let lossAt theta =
                    let scores = (scene.Output theta x).log_softmax 0L
                    -scores[label]

                let along = Differentiation.grad lossAt scene.Theta
                let step = along |> ofLength (radius * share random)

                let other = scene.Theta + (if random.Next 2 = 0 then step else -step)

                let gap = abs ((lossAt other).ToDouble() - (lossAt scene.Theta).ToDouble())

                gap / (slope * norm step) }

let all = [ weights; inputs; outputs; rounded; loss ]
