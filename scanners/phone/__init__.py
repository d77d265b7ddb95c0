"""The delivery worker's phone (送气工手机): its key, its outbox, its acts; and a simulation of many of them."""
