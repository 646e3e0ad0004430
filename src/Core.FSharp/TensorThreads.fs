/// Runs the passes over the weights on the threads that libtorch's own operations run on. After each of its operations those
/// threads wait in a busy loop for the next one, so threads of our own would have to share the cores with them.
module internal MappingNets.Core.TensorThreads

open System
open System.Collections.Concurrent
open System.Runtime.ExceptionServices
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open TorchSharp

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Body = delegate of nativeint -> unit

/// GOMP_parallel of the OpenMP runtime: calls the body once on each thread of a team, the calling one among them.
[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private ParallelRegion = delegate of body: nativeint * data: nativeint * threads: uint32 * flags: uint32 -> unit

/// The OpenMP runtime that libtorch has loaded, by way of the library that links to it; null where it has another kind of threads.
let private region: ParallelRegion | null =
    let mutable library = 0n
    let mutable address = 0n

    if
        NativeLibrary.TryLoad("LibTorchSharp", typeof<torch>.Assembly, Nullable(), &library)
        && NativeLibrary.TryGetExport(library, "GOMP_parallel", &address)
    then
        Marshal.GetDelegateForFunctionPointer<ParallelRegion> address
    else
        null

/// Calls `work` on each of some threads at once and waits for all of them.
let private onAll (threads: int) (work: unit -> unit) =
    match region with
    | null -> Parallel.For(0, threads, (fun (_: int) -> work ())) |> ignore
    | region ->
        let failures = ConcurrentQueue<exn>()

        let body =
            Body(fun _ ->
                // No exception may leave a body that native code calls.
                try
                    work ()
                with failure ->
                    failures.Enqueue failure)

        region.Invoke(Marshal.GetFunctionPointerForDelegate body, 0n, uint32 threads, 0u)
        GC.KeepAlive body

        match failures.TryDequeue() with
        | true, failure -> ExceptionDispatchInfo.Throw failure
        | _ -> ()

/// Calls `action state index` once for each index below `count`, on as many threads as libtorch uses, each with a state of its
/// own. A thread that is free takes the next index.
let forEach (count: int) (newState: unit -> 'State when 'State :> IDisposable) (action: 'State -> int -> unit) =
    let last = [| -1 |]

    onAll (min count (torch.get_num_threads ())) (fun () ->
        use state = newState ()
        let mutable index = Interlocked.Increment(&last[0])

        while index < count do
            action state index
            index <- Interlocked.Increment(&last[0]))
