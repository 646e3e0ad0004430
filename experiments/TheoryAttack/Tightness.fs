/// How far each layer's constant is above the largest gain that was found.
module MappingNets.Experiments.TheoryAttack.Tightness

open System
open TorchSharp
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance
open MappingNets.Experiments.TheoryAttack.LayerNetworks

/// Bound / gain of one layer over some seeds.
type Row =
    {
        Layer: string
        Least: float
        Median: float
        Largest: float
        /// How the gain was found.
        Gain: string
    }

let private row layer gain (ratios: float list) =
    let sorted = List.sort ratios

    { Layer = layer
      Least = sorted.Head
      Median = sorted[sorted.Length / 2]
      Largest = List.last sorted
      Gain = gain }

/// The largest gain of a linear map by power iteration.
let private powerIterated (random: Random) (f: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
    use _ = torch.NewDisposeScope()

    // Differences from 0, so that a bias does not count.
    let linear v =
        Differentiation.jacobianv f (torch.zeros_like x) v

    let rec climb rounds v =
        let back = Differentiation.jacobianTv f (torch.zeros_like x) (linear v)

        if rounds = 0 then
            sqrt (norm back / norm v)
        else
            climb (rounds - 1) (back |> ofLength 1.0)

    climb 300 (direction random x.shape[0])

/// Convolutions on images: the certified norm and the reshaped kernel's bound over power iteration.
let private convolutions seeds =
    [ for inputs, outputs, side, kernel, stride, padding in
          [ 1L, 8L, 28L, 3L, 1L, 1L
            8L, 16L, 14L, 3L, 1L, 1L
            3L, 4L, 16L, 5L, 1L, 2L
            3L, 8L, 15L, 3L, 2L, 1L
            4L, 4L, 8L, 2L, 2L, 0L ] do
          let ratios =
              [ for seed in 1..seeds do
                    use _ = torch.NewDisposeScope()
                    let random = Random seed

                    let scene =
                        scene random (fun () ->
                            MappingNets.TargetNetwork
                                .Input(inputs, side, side)
                                .Conv2d(outputs, kernel, stride = stride, padding = padding, bias = false)
                                .Build())

                    let truth =
                        powerIterated
                            random
                            (scene.Output scene.Theta)
                            (torch.zeros (scene.InputCount, dtype = torch.float64))

                    let certified =
                        (NetworkLipschitz.inputLipschitz scene.Description scene.Theta).Value

                    let weight = scene.Theta.view (outputs, -1L)
                    let overlap = float ((kernel + stride - 1L) / stride)
                    yield certified / truth, overlap * SingularBounds.spectralNorm weight / truth ]

          let name =
              $"convolution {inputs} to {outputs}, {side} pixels, kernel {kernel}, stride {stride}"

          row $"{name}: certified" "power iteration" (List.map fst ratios)
          row $"{name}: reshaped kernel alone" "power iteration" (List.map snd ratios) ]

/// Every other layer: its constant over the steepest Jacobian of some inputs up to the norm 2, the steepest of them improved by random steps.
let private others seeds =
    [ for name, build in single do
          let ratios =
              [ for seed in 1..seeds do
                    use _ = torch.NewDisposeScope()
                    let random = Random(100 + seed)
                    let scene = scene random build
                    let reach = 2.0

                    let gain (x: torch.Tensor) =
                        use _ = torch.NewDisposeScope()

                        let struct (steepest, _) =
                            top (Differentiation.jacobian (scene.Output scene.Theta) x)

                        steepest

                    let mutable best = torch.zeros (scene.InputCount, dtype = torch.float64)
                    let mutable largest = gain best

                    for trial in 1..300 do
                        let x =
                            if trial <= 100 then
                                direction random scene.InputCount |> scaled (reach * random.NextDouble())
                            else
                                let near =
                                    best + (direction random scene.InputCount |> scaled (0.3 * random.NextDouble()))

                                if norm near > reach then ofLength reach near else near

                        let found = gain x

                        if found > largest then
                            largest <- found
                            best <- x

                    yield
                        (NetworkLipschitz.inputLipschitzWithin scene.Description scene.Theta reach).Value
                        / largest ]

          row name "steepest of 300 inputs up to norm 2, 200 of them near the best" ratios ]

let measure seeds = convolutions seeds @ others seeds
