module MappingNets.Core.Tests.WeightTrajectoryTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

let private matrix (random: Random) rows columns =
    (uniform random (rows * columns)).view (rows, columns)

let private layout =
    ParameterLayout.create
        [ "a.weight", [| 3L; 2L |], 2L
          "a.bias", [| 3L |], 2L
          "b.weight", [| 4L |], 4L ]

[<Tests>]
let tests =
    testList
        "Weight trajectory"
        [ property
              "variances, explained shares, distances and coordinates are those of a singular value decomposition"
              (fun random ->
                  let count, weights = random.NextInt64(2L, 12L), random.NextInt64(1L, 30L)
                  let snapshots = matrix random count weights
                  let shape = WeightTrajectory.shape snapshots
                  let centred = snapshots - snapshots.mean ([| 0L |], keepdim = true)
                  let struct (left, values, _) = torch.linalg.svd (centred, fullMatrices = false)

                  let truth =
                      numbers (
                          values.square () / float count
                          |> fun variances -> variances.narrow (0L, 0L, min (count - 1L) weights)
                      )

                  near 1e-9 "variances" (torch.tensor truth) (torch.tensor shape.Variances)
                  let total = Array.sum truth

                  Expect.floatClose
                      Accuracy.high
                      shape.ParticipationRatio
                      (total * total / Array.sumBy (fun v -> v * v) truth)
                      "participation"

                  let k = random.Next(1, truth.Length + 1)

                  Expect.floatClose
                      Accuracy.high
                      shape.ExplainedVariance[k - 1]
                      (Array.sum truth[.. k - 1] / total)
                      "explained"

                  Expect.isLessThan (abs (shape.DistanceFromSubspace k - sqrt (Array.sum truth[k..]))) 1e-6 "distance"
                  let share = shape.ExplainedVariance[k - 1]
                  Expect.isLessThanOrEqual (shape.AxesFor(share - 1e-9)) k "enough axes"
                  let coordinates = WeightTrajectory.coordinates snapshots 1

                  near
                      1e-6
                      "coordinates"
                      ((left.select (1L, 0L) * values[0L]).abs ())
                      (coordinates.select(1L, 0L).abs ()))

          test "a straight line has one dimension, a cube's corners have three equal ones, a point none" (fun () ->
              let line =
                  torch.outer (torch.arange (9L, dtype = torch.float64), uniform (Random 1) 20L)

              let shape = WeightTrajectory.shape line
              Expect.floatClose Accuracy.high shape.ParticipationRatio 1.0 "line"
              Expect.equal (shape.AxesFor 0.999) 1 "one axis"
              Expect.isLessThan (shape.DistanceFromSubspace 1) 1e-6 "on it"

              let corners =
                  torch.tensor (
                      array2D
                          [ for x in [ -1.0; 1.0 ] do
                                for y in [ -1.0; 1.0 ] do
                                    for z in [ -1.0; 1.0 ] -> [ x; y; z; 5.0 ] ]
                  )

              let cube = WeightTrajectory.shape corners
              Expect.floatClose Accuracy.high cube.ParticipationRatio 3.0 "cube"
              Expect.floatClose Accuracy.high (cube.DistanceFromSubspace 2) 1.0 "one axis is left out"
              Expect.floatClose Accuracy.high (cube.DistanceFromSubspace 0) (sqrt 3.0) "all are"

              let still =
                  WeightTrajectory.shape (torch.ones ([| 4L; 5L |], dtype = torch.float64))

              Expect.equal
                  (still.TotalVariance, still.ParticipationRatio, still.AxesFor 0.9)
                  (0.0, 0.0, 0)
                  "nothing moves")

          test "equal snapshots occupy no dimension, also where their mean is another number" (fun () ->
              let still =
                  WeightTrajectory.shape (torch.full ([| 3L; 5L |], 0.1.ToScalar(), dtype = torch.float64))

              Expect.equal
                  (still.TotalVariance, still.ParticipationRatio, still.AxesFor 0.9)
                  (0.0, 0.0, 0)
                  "nothing moves")

          test "no share of the variance takes no axis" (fun () ->
              let shape = WeightTrajectory.shape (matrix (Random 2) 6L 13L)
              Expect.equal (shape.AxesFor 0.0) 0 "none"
              Expect.equal (shape.AxesFor 1e-3) 1 "a little")

          test "each layer is looked at by itself" (fun () ->
              let snapshots = matrix (Random 2) 6L 13L
              let layers = WeightTrajectory.shapeOfLayers layout snapshots

              Expect.equal
                  (layers |> Array.map (fun layer -> layer.Name, layer.Weights))
                  [| "a", 9L; "b", 4L |]
                  "layers"

              let own = WeightTrajectory.shape (snapshots.narrow (1L, 9L, 4L))
              near 1e-12 "the second" (torch.tensor own.Variances) (torch.tensor layers[1].Variances))

          property "bisection finds the first dimension that reaches, in logarithmically many tries" (fun random ->
              let lowest = random.Next(1, 50)
              let highest = lowest + random.Next 5000
              let truth = random.Next(1, 6000)

              let found =
                  WeightTrajectory.intrinsicDimension (fun d -> if d >= truth then 0.9 else 0.5) 0.8 lowest highest 1.0

              let expected =
                  if truth <= lowest then Some lowest, None
                  elif truth > highest then None, Some highest
                  else Some truth, Some(truth - 1)

              Expect.equal (found.Smallest, found.LargestFailing) expected "the crossing"
              Expect.isLessThanOrEqual found.Trials.Length 40 "few tries"

              Expect.equal
                  (found.Trials |> Array.distinctBy _.Dimension |> Array.length)
                  found.Trials.Length
                  "none twice")

          test "a coarser precision stops earlier" (fun () ->
              let found = WeightTrajectory.intrinsicDimension (fun d -> float d) 700.0 16 4096 1.5

              Expect.isLessThanOrEqual
                  (float found.Smallest.Value / float found.LargestFailing.Value)
                  1.5
                  "close enough"

              Expect.isLessThan found.Trials.Length 8 "few tries"
              Expect.isTrue (found.LargestFailing.Value < 700 && found.Smallest.Value >= 700) "around it")

          test "bad input is refused by name" (fun () ->
              let snapshots = matrix (Random 2) 6L 13L
              let refuses parts action = raises<ArgumentException> parts action

              refuses [ "two"; "snapshots" ] (fun () ->
                  WeightTrajectory.shape (snapshots.narrow (0L, 0L, 1L)) |> ignore)

              refuses [ "snapshots"; "NaN" ] (fun () -> WeightTrajectory.shape (snapshots * nan) |> ignore)
              refuses [ "snapshots"; "(13)" ] (fun () -> WeightTrajectory.shape snapshots[0L] |> ignore)

              refuses [ "12"; "13" ] (fun () ->
                  WeightTrajectory.shapeOfLayers layout (snapshots.narrow (1L, 0L, 12L)) |> ignore)

              refuses [ "axes"; "1 to 5" ] (fun () -> WeightTrajectory.coordinates snapshots 6 |> ignore)

              let search threshold lowest highest precision () =
                  WeightTrajectory.intrinsicDimension (fun _ -> nan) threshold lowest highest precision
                  |> ignore

              refuses [ "threshold" ] (search nan 1 2 1.0)
              refuses [ "lowest"; "0" ] (search 0.5 0 2 1.0)
              refuses [ "highest"; "1" ] (search 0.5 2 1 1.0)
              refuses [ "precision" ] (search 0.5 1 2 0.5)
              refuses [ "evaluate"; "d = 1" ] (search 0.5 1 2 1.0)) ]
