// A program outside the repository: it trains, and says whether its TorchSharp keeps the numbers alive that libtorch reads.
open System
open System.Reflection
open MappingNets
open TorchSharp

let network = TargetNetwork.Input(4L).Linear(8L).ReLU().Linear(3L).Build "consumer"

let data =
    let labels = torch.randint(0L, 3L, [| 32L |]).``to`` torch.int64
    Dataset.FromTensors(torch.randn (32L, 4L), labels, [| "a"; "b"; "c" |])

let model = MappingNetwork.For(network).SingleLatent(8).Build()

let options =
    TrainingOptions(Epochs = 3, BatchSize = 16, Loss = LossOptions.Complete)

let history = Trainer(model, options).Fit(data).History

let isCured =
    match typeof<torch.Tensor>.GetMethod("mul", [| typeof<Scalar> |]) with
    | null -> false
    | multiply -> multiply.MethodImplementationFlags.HasFlag MethodImplAttributes.NoOptimization

let state = if isCured then "cured" else "as shipped"
printfn $"{state}, {2 * history.Count} steps"

exit (
    if Double.IsFinite(history[history.Count - 1].TrainingLoss) then
        0
    else
        1
)
