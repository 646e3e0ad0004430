/// Certificates of models: changes of predictions looked for inside their radii, and weights moved to the edge.
module MappingNets.Experiments.TheoryAttack.ModelAttacks

open System
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance

let private classifier () =
    TargetNetwork.Input(5L).Linear(6L).Tanh().Linear(3L).Build "attacked"

let private shake (random: Random) (model: Model) =
    use _ = torch.no_grad ()

    for tensor in model.Trainables do
        tensor.add_ (
            (uniform random (tensor.numel ())).view(tensor.shape).to_type torch.float32
            * 0.3.ToScalar()
        )
        |> ignore

    for buffer in model.State.Tensors do
        if buffer.dim () = 1L then
            buffer.add_ ((uniform random buffer.shape[0]).to_type torch.float32 * 0.5.ToScalar())
            |> ignore

let private mapped (random: Random) (target: TargetNetwork) =
    let start =
        MappingNetwork.For(target).WithSeed(uint64 (random.Next())).StartingWithin 0.5

    let start =
        match random.Next 3 with
        | 0 -> start.SingleLatent(random.Next(6, 20))
        | _ -> start.LayerWise(random.Next(14, 20))

    let start =
        start.WithFixedWeights(
            pick
                random
                [ FixedWeightsKind.Dense
                  FixedWeightsKind.Hadamard
                  FixedWeightsKind.SignedPermutation ]
        )

    let start =
        if random.Next 2 = 0 then
            start.WithAdditiveModulation(0.2 * random.NextDouble())
        else
            start

    let start =
        start.WithActivation(pick random [ MappingActivation.Identity; MappingActivation.Tanh; MappingActivation.Sine ])

    if random.Next 3 = 0 then
        start.WithTrainableScales().Build()
    else
        start.Build()

/// A model of any kind with a certificate, its trained parameters moved from their start; the caller disposes it.
let private anyModel (random: Random) : Model =
    let model: Model =
        match random.Next 4 with
        | 0 -> DirectModel.For(classifier (), uint64 (random.Next()))
        | 1 ->
            use pretrained =
                PretrainedWeights.Of(DirectModel.For(classifier (), uint64 (random.Next())))

            let start =
                FineTuning.Of(classifier (), pretrained).WithSeed(uint64 (random.Next()))

            match random.Next 3 with
            | 0 -> start.Groups(12).Build()
            | 1 -> start.LowRank(2, strength = 0.7).Build()
            | _ -> start.Mapping(fun mapping -> mapping.LayerWise(8).WithAdditiveModulation(0.1)).Build()
        | 2 -> mapped random (classifier ())
        | _ -> mapped random ((pick random LayerNetworks.deep |> snd) ())

    model.eval () |> ignore
    shake random model
    model

/// The trained parameters as one vector in double precision.
let private parameters (model: Model) =
    torch.cat
        [| for tensor in model.Trainables do
               yield tensor.detach().to_type(torch.float64).reshape (-1L) |]

let private put (model: Model) (values: torch.Tensor) =
    use _ = torch.no_grad ()
    let mutable first = 0L

    for tensor in model.Trainables do
        use _ = torch.NewDisposeScope()
        let count = tensor.numel ()
        tensor.copy_ (values.narrow(0L, first, count).view tensor.shape) |> ignore
        first <- first + count

let private predictionOf (model: Model) (input: torch.Tensor) =
    use scores = model.Predict input
    use best = scores.argmax 1L
    best.ToInt64()

/// The slope of a scalar of the model in its trained parameters.
let private slopeOf (model: Model) (scalar: unit -> torch.Tensor) =
    model.zero_grad ()
    use _ = torch.enable_grad ()
    scalar().backward ()

    let slope =
        torch.cat
            [| for tensor in model.Trainables do
                   match tensor.grad with
                   | null -> yield torch.zeros (tensor.numel (), dtype = torch.float64)
                   | gradient -> yield gradient.detach().to_type(torch.float64).reshape (-1L) |]

    model.zero_grad ()
    slope.clone ()

/// The direction in which the best other score gains most.
let private steepest (model: Model) (input: torch.Tensor) (prediction: int64) =
    slopeOf model (fun () ->
        let scores = (model.forward input)[0L]

        let others =
            scores.index_fill (0L, torch.tensor [| prediction |], Double.NegativeInfinity.ToScalar())

        others.max () - scores[prediction])

let private inputsOf (random: Random) (model: Model) count =
    let size = model.Target.InputShape |> Seq.fold (*) 1L

    (uniform random (int64 count * size))
        .to_type(torch.float32)
        .view (Array.append [| int64 count |] (Seq.toArray model.Target.InputShape))

/// radius / (a distance at which the prediction changes), along a direction from the start: at most 1 where the certificate holds. 0 where no change was found.
let private changes (model: Model) (start: torch.Tensor) input prediction (radius: float) (along: torch.Tensor) =
    if radius = 0.0 || norm along = 0.0 then
        0.0
    else
        let along = along |> ofLength 1.0

        let isChanged (distance: float) =
            put model (start + scaled distance along)
            predictionOf model input <> prediction

        // Outwards from just inside the radius, then back to where the change begins.
        let rec outwards (distance: float) =
            if isChanged distance then Some distance
            elif distance > 1e4 * radius then None
            else outwards (2.0 * distance)

        let rec between count (inside: float) (outside: float) =
            if count = 0 then
                outside
            else
                let middle = (inside + outside) / 2.0

                if isChanged middle then
                    between (count - 1) inside middle
                else
                    between (count - 1) middle outside

        let found =
            outwards (radius * (1.0 - 1e-6))
            |> Option.map (fun outside -> between 12 0.0 outside)

        put model start

        found
        |> Option.map (fun distance -> radius / distance)
        |> Option.defaultValue 0.0

let private certified =
    { Bound = "Certify, Radii"
      Stream = "Certify, Radii"
      Ratio = "certified radius / distance at which the prediction changes, along the steepest direction or at random"
      TrialsInScene = 20
      Scene =
        fun random ->
            let model = anyModel random
            let inputs = inputsOf random model 10
            let certificate = model.Certify inputs
            let start = parameters model

            fun random ->
                let sample = random.Next 10
                let input = inputs.narrow (0L, int64 sample, 1L)
                let prediction = certificate.Predictions[sample]

                let along =
                    if random.Next 4 = 0 then
                        direction random start.shape[0]
                    else
                        steepest model input prediction

                changes model start input prediction certificate.Radii[sample] along }

let private alone =
    { Bound = "Certify, RadiiAlone"
      Stream = "Certify, RadiiAlone"
      Ratio = "the radius of one latent / distance at which the prediction changes when it moves alone"
      TrialsInScene = 20
      Scene =
        fun random ->
            let target =
                if random.Next 2 = 0 then
                    classifier ()
                else
                    (pick random LayerNetworks.deep |> snd) ()

            let model =
                MappingNetwork
                    .For(target)
                    .LayerWise(random.Next(14, 24))
                    .WithAdditiveModulation(0.1)
                    .WithSeed(uint64 (random.Next()))
                    .StartingWithin(0.5)
                    .Build()

            model.eval () |> ignore
            shake random model
            let inputs = inputsOf random model 10
            let certificate = model.Certify inputs
            let start = parameters model

            fun random ->
                let sample = random.Next 10
                let input = inputs.narrow (0L, int64 sample, 1L)
                let prediction = certificate.Predictions[sample]
                let piece = model.Mapping.Pieces[random.Next model.Mapping.Pieces.Length]
                let along = torch.zeros_like start
                let count = int64 piece.LatentCount

                along
                    .narrow(0L, piece.FirstLatent, count)
                    .copy_ ((steepest model input prediction).narrow (0L, piece.FirstLatent, count))
                |> ignore

                let radius = (certificate.RadiiAlone[piece.Name])[sample]
                changes model start input prediction radius along }

let private weights =
    { Bound = "Bounds, WeightShift"
      Stream = "Bounds, WeightShift"
      Ratio = "||theta(p') - theta(p)|| / bound at the edge, along the top direction of power iteration or at random"
      TrialsInScene = 20
      Scene =
        fun random ->
            let model = anyModel random
            let start = parameters model
            let before = model.FlatWeights().to_type torch.float64
            let radius = 0.02 + random.NextDouble()
            let bound = (model.Bounds radius).WeightShift.Value

            let moved (step: torch.Tensor) =
                put model (start + step)
                let after = model.FlatWeights().to_type torch.float64
                put model start
                after - before

            fun random ->
                // A round of J^T J by autograd, from a random start.
                let improved =
                    if random.Next 4 = 0 then
                        direction random start.shape[0]
                    else
                        let change = moved (direction random start.shape[0] |> scaled radius)

                        slopeOf model (fun () ->
                            let theta =
                                torch.cat [| for weight in model.CurrentWeights() -> weight.reshape (-1L) |]

                            theta.dot (change.to_type torch.float32))

                // Single precision makes both weights and parameters: what it may add is not the bound's.
                let change = moved (improved |> ofLength (radius * (1.0 - 1e-7)))
                max 0.0 (norm change - 2e-7 * (1.0 + norm before)) / bound }

let private stability =
    { Bound = "OutputStability, Bounds"
      Stream = "OutputStability, Bounds"
      Ratio = "||f(p + eps) - f(p)|| / bound for ||eps|| at the reach, along the steepest direction or at random"
      TrialsInScene = 20
      Scene =
        fun random ->
            let model = anyModel random
            let inputs = inputsOf random model 10

            let noise =
                model.OutputStability(0.02 * random.NextDouble(), inputs, risk = 0.01, draws = 1)

            let start = parameters model
            let here = model.Predict(inputs).to_type torch.float64

            fun random ->
                let sample = random.Next 10

                let along =
                    if random.Next 3 = 0 then
                        direction random start.shape[0]
                    else
                        steepest model (inputs.narrow (0L, int64 sample, 1L)) (int64 (random.Next 3))

                put model (start + (along |> ofLength (noise.NoiseNorm * share random)))
                let there = model.Predict(inputs).to_type torch.float64
                put model start
                norm (there[int64 sample] - here[int64 sample]) / noise.Bounds[sample] }

let all = [ certified; alone; weights; stability ]
